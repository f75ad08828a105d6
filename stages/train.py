"""Stage `train`: learn to separate mixtures by looking, from clips that are mixed and taken apart again."""

import os
import secrets
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Annotated

from stages import layout
from stages.compute.crew import Share
from stages.compute.team import Run, open_team
from stages.params import At, Clip, Spectrogram, Train
from stages.separators import Model
from stages.shards.flags import describe
from stages.tracking.runs import LiveRun, join_run, open_run
from stages.training.checkpoint import newest_step
from stages.training.interrupt import StopFile, end_if, stop_on_sigterm
from stages.training.lesson import Lesson, Post, folders_of, gather, keys_of, learn
from stages.training.ranks import ALONE, Together
from stages.training.seeding import choose_device
from stages.training.tracker import Unheard, closing


def run(
    name: str, clip: Clip, spectrogram: Spectrogram, model: Annotated[Model, At("models.{item}")], train: Train
) -> None:
    """Train one model by mix-and-separate, from its last checkpoint if there is one, and keep its best weights."""
    lesson = Lesson(name, clip, spectrogram, model, train.of(name))
    material = gather(lesson)
    print(f"train {name}: clips left out by their flags: {describe(material.left_out)}")
    keys, device = keys_of(lesson, material), choose_device(train.device)
    tracker = open_run(stage="train", model=name, key=keys[-1], params=lesson.params)
    if train.workers > 1 and not os.environ.get("PIXELS_SERIAL"):
        with closing(tracker):
            _learn_together(lesson, keys, device.type, tracker)
        return
    with stop_on_sigterm() as stop, closing(tracker):
        learn(lesson, material, keys, Post(ALONE, device, tracker, stop))


def _learn_together(lesson: Lesson, keys: Sequence[str], device: str, tracker: LiveRun) -> None:
    """Learn by train.workers, on this machine or on the cluster of RAY_ADDRESS, which must see store and data."""
    store, sees = layout.store().resolve(), [path.parent.resolve() for path in layout.manifests(lesson.model.sees)]
    store.mkdir(parents=True, exist_ok=True)
    share = Share(lesson.train.worker_cpus, float(device == "cuda"), (store, *sees))
    stop = StopFile(store / f".stop-{secrets.token_hex(8)}")
    run = Run(keys[-1], store / "train", partial(newest_step, folders_of(keys)))
    with open_team(lesson.train.workers, share) as team, stop_on_sigterm(stop), stop.removed():
        end_if(
            not team.work(partial(_learn_as_rank, lesson, keys, (device, stop, tracker.spool.resolve(), store)), run)
        )


def _learn_as_rank(lesson: Lesson, keys: Sequence[str], told: tuple[str, StopFile, Path, Path]) -> bool:
    """What each worker does; whether it was let to the end."""
    device, stop, spool, store = told
    os.environ["PIXELS_STORE"] = str(store)
    ranks = Together(choose_device(device))
    tracker = join_run(spool) if ranks.rank == 0 else Unheard()
    try:
        learn(lesson, gather(lesson), keys, Post(ranks, choose_device(device), tracker, stop))
    except SystemExit:
        return False
    return True
