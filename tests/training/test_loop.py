"""The loop: same weights however often it was interrupted, and an end to what cannot succeed."""

import math
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from stages.shards.files import read_json, sha256
from stages.training.interrupt import Stop
from stages.training.learner import Learner
from stages.training.loop import Course, TrainingError
from tests.synth.learning import (
    MemoryMedia,
    MemoryTracker,
    StopsAfter,
    complete,
    new_course,
    train_section,
)

ROOT = Path(__file__).resolve().parents[2]
_STEPS = 40


def _fingerprint(course: Course) -> list[str]:
    last = course.checkpoints.path(course.checkpoints.steps()[-1])
    return [
        sha256(last / "weights.safetensors"),
        sha256(last / "optimizer.safetensors"),
        str(read_json(last / "state.json")),
    ]


def test_a_course_learns_validates_and_keeps(tmp_path: Path) -> None:
    course = new_course(train_section(), tmp_path)
    state = complete(course, Stop())
    assert course.finished(state)
    assert [entry["step"] for entry in state.history] == [3, 6]
    assert state.best_step in (3, 6)
    assert {6, state.best_step} <= set(course.checkpoints.steps())
    assert isinstance(course.tracker, MemoryTracker)
    assert [step for step, metrics in course.tracker.logged if "validation_si_sdr_db" in metrics] == [3, 6]
    again = new_course(train_section(), tmp_path)
    assert complete(again, Stop()) == state
    assert isinstance(again.tracker, MemoryTracker)
    assert not again.tracker.logged


def test_patience_ends_a_leg_early_and_says_so_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    scores = iter([1.0, 3.0, 2.0, 2.9, 9.0])
    monkeypatch.setattr("stages.training.loop.mean_over_rules", lambda *_: next(scores))
    train = train_section(steps=15, patience=2)
    course = new_course(train, tmp_path)
    state = complete(course, Stop())
    assert [entry["si_sdr_db"] for entry in state.history] == [1.0, 3.0, 2.0, 2.9]
    assert (state.step, state.best_step) == (12, 6)
    assert complete(new_course(train, tmp_path), Stop()) == state


def test_without_a_score_patience_has_no_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("stages.training.loop.mean_over_rules", lambda *_: None)
    assert complete(new_course(train_section(steps=9, patience=1), tmp_path), Stop()).step == 9


def test_interruptions_anywhere_change_no_bit(tmp_path: Path) -> None:
    train = train_section()
    whole = new_course(train, tmp_path / "whole")
    expected = complete(whole, Stop())
    state, looks = None, 1
    while state is None or not whole.finished(state):
        course = new_course(train, tmp_path / "parts")
        state = complete(course, StopsAfter(looks))
        looks = looks % 4 + 2
    assert state == expected
    assert _fingerprint(course) == _fingerprint(whole)


def test_killed_then_terminated_at_random_moments_gives_equal_weights(tmp_path: Path) -> None:
    whole = new_course(train_section(steps=_STEPS), tmp_path / "whole")
    complete(whole, Stop())
    folder, dice = tmp_path / "ended", random.Random(4)
    killed = _start(folder)
    _wait_for_steps(folder, dice.randrange(1, 12), killed)
    time.sleep(dice.uniform(0, 0.1))
    killed.kill()
    assert killed.wait() == -signal.SIGKILL
    terminated = _start(folder)
    _wait_for_steps(folder, dice.randrange(1, 12), terminated)
    terminated.terminate()
    assert terminated.wait(timeout=10) == 0
    assert _last_step(folder) < _STEPS
    assert _start(folder).wait() == 0
    assert _fingerprint(new_course(train_section(steps=_STEPS), folder)) == _fingerprint(whole)


def _start(folder: Path) -> subprocess.Popen[bytes]:
    code = (
        "from pathlib import Path\nfrom stages.training.interrupt import stop_on_sigterm\n"
        "from tests.synth.learning import complete, new_course, train_section\n"
        "with stop_on_sigterm() as stop:\n"
        f"    complete(new_course(train_section(steps={_STEPS}), Path({str(folder)!r})), stop)\n"
    )
    surroundings = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT)}
    return subprocess.Popen([sys.executable, "-c", code], env=surroundings, stderr=subprocess.DEVNULL)


def _wait_for_steps(folder: Path, more: int, process: subprocess.Popen[bytes]) -> None:
    """Until a process has come `more` steps beyond what lay there before."""
    start = _last_step(folder)
    while _last_step(folder) < start + more and process.poll() is None:
        time.sleep(0.002)
    assert process.poll() is None, "finished before it could be killed"


def _last_step(folder: Path) -> int:
    return max((int(path.name[5:]) for path in folder.glob("step-*")), default=0)


class _BadMedia(MemoryMedia):
    """Sound that is not finite for as long as `bad` says."""

    bad = True

    def audio(self, clip_id: str) -> np.ndarray[Any, Any]:
        sound = super().audio(clip_id)
        return np.full_like(sound, math.nan) if self.bad else sound


def test_nothing_but_bad_batches_ends_with_a_clear_error(tmp_path: Path) -> None:
    course = new_course(train_section(max_bad_batches=2), tmp_path, _BadMedia())
    with pytest.raises(TrainingError, match=r"not finite in 2 batches in a row .*max_bad_batches"):
        complete(course, Stop())


def test_single_bad_batches_are_skipped_and_counted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    media = _BadMedia()
    media.bad = False
    course = new_course(train_section(validate_every_steps=6), tmp_path, media)
    learn = Learner.learn

    def sometimes_bad(learner: Learner, batch: Any, step: int) -> float:
        if step in (1, 4):
            batch = type(batch)(batch.sources * torch.nan, batch.frames)
        return learn(learner, batch, step)

    monkeypatch.setattr(Learner, "learn", sometimes_bad)
    state = complete(course, Stop())
    assert (state.bad_batches, state.bad_in_a_row, state.step) == (2, 0, 6)
    loss = state.history[-1]["loss"]
    assert loss is not None
    assert math.isfinite(loss)
