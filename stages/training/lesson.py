"""One training of one model: what it learns from, what it depends on, and the way from there to the model's files."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from stages import layout
from stages.metrics.watched import read_maps, watch
from stages.networks.motion_fields import open_motion
from stages.networks.resnet import Start, find_start
from stages.params import Clip, Flag, Spectrogram, Train
from stages.precision import choose_precision
from stages.separators import Model, Section
from stages.shards.files import copy_whole
from stages.shards.flags import leave_out
from stages.shards.reader import ClipReader
from stages.shards.schema import MixSource
from stages.shards.tables import read_rows
from stages.training.batches import TooFewClips, TrainingClips, seen_videos, training_clips
from stages.training.export import export, new_separator
from stages.training.interrupt import Stop
from stages.training.key import training_key
from stages.training.licences import licence_card
from stages.training.memory import keep_freed_memory
from stages.training.phased import PhasedTraining
from stages.training.phases import Leg, legs_of
from stages.training.ranks import Ranks
from stages.training.scaling import scale_motion
from stages.training.seeding import make_deterministic
from stages.training.sources import Sources, sources_of
from stages.training.tracker import Tracker
from stages.training.validation import validation_mixes
from stages.training.watching import WATCHED_MIXES, Watch


@dataclass(frozen=True, slots=True)
class Lesson:
    """What is asked for; `train` has the phases of this model alone."""

    name: str
    clip: Clip
    spectrogram: Spectrogram
    model: Model
    train: Train

    @property
    def sections(self) -> dict[str, Section]:
        """All of params.yaml that counts."""
        return {"clip": self.clip, "spectrogram": self.spectrogram, "model": self.model, "train": self.train}

    @property
    def params(self) -> dict[str, Any]:
        """The sections as JSON values."""
        return {name: section.model_dump(mode="json") for name, section in self.sections.items()}


@dataclass(frozen=True, slots=True)
class Material:
    """What there is to learn from."""

    reader: ClipReader
    clips: TrainingClips
    sources: Sources
    left_out: dict[Flag, int]  # clips by the flag that kept them out
    legs: tuple[Leg, ...]
    start: Start | None  # what the appearance network begins with; None: noise


@dataclass(frozen=True, slots=True)
class Post:
    """Where a process stands while it learns."""

    ranks: Ranks
    device: torch.device
    tracker: Tracker
    stop: Stop


def gather(lesson: Lesson) -> Material:
    """Open the shards of this folder's workspace; `TooFewClips` or `NothingToDraw` where they cannot serve."""
    train, reader = lesson.train, ClipReader()
    phases = train.curriculum[lesson.name]
    kept, left_out = leave_out(reader.clips, layout.COINCIDENCE, train.leave_out)
    clips = training_clips(kept, max(phase.num_sources for phase in phases), sampling=train.sampling)
    if train.pretrain.objective != "none" and len(clips.by_video) < train.workers:
        raise TooFewClips(f"train.workers: {train.workers} cannot share out {len(clips.by_video)} videos; lower it")
    sources = sources_of(kept, clips, validation_mixes(read_rows(layout.MIXES, MixSource)))
    sources.check_beforehand(phases, train.instruments)
    start = find_start(lesson.model.appearance.weights, layout.WEIGHTS)
    return Material(reader, clips, sources, left_out, legs_of(phases, train.pretrain), start)


def keys_of(lesson: Lesson, material: Material) -> list[str]:
    """What each leg depends on, hashed."""
    sources, manifests = material.sources, layout.manifests(lesson.model.sees)
    base = training_key(lesson.sections, material.clips, sources.mixes, *manifests)
    base |= {"start": material.start.sha256} if material.start else {}
    return [leg.key({**base, **sources.identity(leg, lesson.train.instruments)}) for leg in material.legs]


def folders_of(keys: Sequence[str]) -> list[Path]:
    """Where the checkpoints of each leg lie."""
    return [layout.store() / "train" / key for key in keys]


def learn(lesson: Lesson, material: Material, keys: Sequence[str], post: Post) -> None:
    """Learn, from the last checkpoint if there is one, and write the best weights to the model's folder.

    Every rank calls it; the first one writes. Ends the process, as SIGTERM would, where it is asked to stop before.
    """
    train, device = lesson.train, post.device
    keep_freed_memory()
    make_deterministic(train.threads, device)
    clips, reader, sources = material.clips, material.reader, material.sources
    separator = new_separator(lesson.clip, lesson.spectrogram, lesson.model, train, device=device)
    windows = open_motion(lesson.model, lesson.clip)
    scale_motion(separator, reader, clips, windows)
    videos = seen_videos(reader.clips, clips, sources.chosen_by(train.curriculum[lesson.name]))
    precision = choose_precision(train.precision, device)
    maps, mixes = read_maps(layout.COINCIDENCE_MAPS), sources.mixes[:WATCHED_MIXES]
    watched = watch(reader, mixes, lesson.model.appearance, windows, maps)
    watching = Watch(watched, bf16=precision == "bf16")
    training = PhasedTraining(separator, train, sources, reader, windows, videos, post.tracker, watching, post.ranks)
    folders = folders_of(keys)
    reached = training.complete(lesson.name, dict(zip(folders, material.legs, strict=True)), post.stop)
    if post.ranks.rank > 0:
        return
    counts = {"clips": clips.num_clips, "silent_clips": clips.num_silent, "left_out": material.left_out}
    made: dict[str, Any] = {"seed": train.seed, "precision": precision, "key": keys[-1]}
    made["appearance_weights"] = material.start.card if material.start else None
    card = {"name": lesson.name, "agreement": watching.card(reached.seen)} | made | counts
    card |= licence_card(reader.clips, clips)
    target = layout.model(lesson.name)
    export(separator, reached.checkpoints, reached.state, target, card=card)
    copy_whole(folders[-1] / layout.TRAINING_VIDEOS, target / layout.TRAINING_VIDEOS)
