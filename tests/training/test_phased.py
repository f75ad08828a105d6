"""Phases in a row: each begins at the best of the one before, and no interruption anywhere changes a bit."""

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
import torch

from stages.params import Train
from stages.shards.files import sha256
from stages.training.batches import Batches
from stages.training.checkpoint import Checkpoints
from stages.training.curriculum import NothingToDraw, Sampler
from stages.training.interrupt import Stop
from stages.training.learner import Learner
from stages.training.phased import PhasedTraining, Reached
from tests.synth.learning import (
    MODEL,
    MemoryTracker,
    StopsAfter,
    decoded,
    first_phase,
    legs_in,
    new_training,
    phase,
    pretrain_section,
    train_section,
)

ROOT = Path(__file__).resolve().parents[2]
PRETRAIN = pretrain_section("correspondence", 5)
ALIKE, MIXED = {"same_instrument": 1.0}, {"any": 0.5, "same_instrument": 0.5}


def three_phases(**changes: Any) -> Train:
    """Pretraining and three phases."""
    phases = [phase(), phase(name="S2", rules=ALIKE, rate=0.004), phase(name="S3", rules=MIXED, steps=7)]
    return train_section(**({"phases": phases, "pretrain": PRETRAIN, "num_kinds": 2} | changes))


def _complete(train: Train, folder: Path, stop: Stop | None = None) -> tuple[PhasedTraining, Reached]:
    training = new_training(train)
    return training, training.complete("tiny", legs_in(train, folder), stop or Stop())


def _fingerprint(reached: Reached) -> tuple[str, ...]:
    last = reached.checkpoints.path(reached.state.step)
    return tuple(sha256(last / name) for name in ("weights.safetensors", "optimizer.safetensors", "state.json"))


def _tracker(training: PhasedTraining) -> MemoryTracker:
    assert isinstance(training.tracker, MemoryTracker)
    return training.tracker


def test_every_leg_is_learnt_validated_and_told(tmp_path: Path) -> None:
    training, reached = _complete(three_phases(), tmp_path)
    told = [(entry["phase"], entry["step"]) for entry in reached.state.history]
    assert told == [("S1", 8), ("S1", 11), ("S2", 14), ("S2", 17), ("S3", 20), ("S3", 23), ("S3", 24)]
    assert reached.state.best_step in (20, 23, 24)
    tracker = _tracker(training)
    scores = {
        name: [step for step, metrics in one.logged if "validation_si_sdr_db" in metrics]
        for name, one in tracker.phases.items()
    }
    assert scores == {"pretrain": [], "S1": [8, 11], "S2": [14, 17], "S3": [20, 23, 24]}
    assert {one.status for one in tracker.phases.values()} == {"FINISHED"}
    assert [step for step, metrics in tracker.logged if "validation_si_sdr_db" in metrics] == [
        8,
        11,
        14,
        17,
        20,
        23,
        24,
    ]


def test_one_phase_after_pretraining_is_one_training_with_one_optimizer(tmp_path: Path) -> None:
    """As it was before there were phases: moments live on, steps with mixtures count anew."""
    train = train_section(pretrain=PRETRAIN, steps=8, validate_every_steps=8)
    _, reached = _complete(train, tmp_path)
    plain = new_training(train)
    learner = Learner(plain.separator, train, first_phase(train))
    drawn = Sampler(plain.sources.train, first_phase(train), train.seed)
    batches = Batches(plain.media, drawn, MODEL.appearance, train)
    for step in range(5):
        learner.pretrain(batches.clips_at(step), step)
    for step in range(8):
        learner.learn(batches.at(step), step)
    found = reached.checkpoints.weights(13)
    assert all(torch.equal(found[name], value) for name, value in plain.separator.net.state_dict().items())


def test_a_phase_begins_at_the_best_weights_before_it_with_moments_of_its_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    scores = iter([2.0, 1.0, 0.5, 0.4])
    monkeypatch.setattr("stages.training.loop.mean_over_rules", lambda *_: next(scores))
    train = train_section(phases=[phase(), phase(name="S2", steps=3)])
    begun: list[dict[str, torch.Tensor]] = []
    learn = Learner.learn

    def watched(learner: Learner, batch: Any, step: int) -> float:
        if step == 0:
            assert not learner.optimizer.state
            begun.append({name: value.clone() for name, value in learner.separator.net.state_dict().items()})
        return learn(learner, batch, step)

    monkeypatch.setattr(Learner, "learn", watched)
    _complete(train, tmp_path)
    first, _ = legs_in(train, tmp_path)
    best = Checkpoints(first).weights(3)  # step 6 was the last of the phase
    assert all(torch.equal(best[name], value) for name, value in begun[1].items())


def test_interruptions_anywhere_change_no_bit(tmp_path: Path) -> None:
    train = three_phases()
    _, whole = _complete(train, tmp_path / "whole")
    reached, looks, ends = None, 3, 0
    while reached is None:
        try:
            _, reached = _complete(train, tmp_path / "parts", StopsAfter(looks))
        except SystemExit as error:
            assert error.code == 128 + signal.SIGTERM
            looks, ends = looks % 9 + 3, ends + 1
    assert ends > 5
    assert reached.state == whole.state
    assert _fingerprint(reached) == _fingerprint(whole)


def test_killed_on_both_sides_of_a_border_gives_equal_weights(tmp_path: Path) -> None:
    train, folder, dice = three_phases(), tmp_path / "killed", random.Random(7)
    _, whole = _complete(train, tmp_path / "whole")
    for leg_folder in list(legs_in(train, folder))[1:3]:
        killed = _start(folder)
        _wait_for_checkpoint(leg_folder, killed)
        time.sleep(dice.uniform(0, 0.2))
        killed.kill()
        assert killed.wait() == -signal.SIGKILL
    _, reached = _complete(train, folder)
    assert reached.state == whole.state
    assert _fingerprint(reached) == _fingerprint(whole)


def test_an_end_before_a_phase_has_a_checkpoint_changes_no_bit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    train = train_section(phases=[phase(), phase(name="S2", rules=ALIKE)], num_kinds=2, checkpoint_every_steps=3)
    _, whole = _complete(train, tmp_path / "whole")
    learn, ended = Learner.learn, list[int]()

    def ends_once(learner: Learner, batch: Any, step: int) -> float:
        if step == 1:
            ended.append(step)
            if len(ended) == 2:  # in the second phase
                raise RuntimeError("power is gone")
        return learn(learner, batch, step)

    monkeypatch.setattr(Learner, "learn", ends_once)
    with pytest.raises(RuntimeError, match="power is gone"):
        _complete(train, tmp_path / "ended")
    _, second = legs_in(train, tmp_path / "ended")
    assert Checkpoints(second).steps() == []
    _, reached = _complete(train, tmp_path / "ended")
    assert _fingerprint(reached) == _fingerprint(whole)


def _start(folder: Path) -> subprocess.Popen[bytes]:
    code = (
        "from pathlib import Path\nfrom stages.training.interrupt import Stop\n"
        "from tests.synth.learning import legs_in, new_training\n"
        "from tests.training.test_phased import three_phases\n"
        f"train, folder = three_phases(), Path({str(folder)!r})\n"
        "new_training(train).complete('tiny', legs_in(train, folder), Stop())\n"
    )
    surroundings = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT)}
    return subprocess.Popen([sys.executable, "-c", code], env=surroundings, stderr=subprocess.DEVNULL)


def _wait_for_checkpoint(folder: Path, process: subprocess.Popen[bytes]) -> None:
    while not list(folder.glob("step-*")) and process.poll() is None:
        time.sleep(0.002)
    assert process.poll() is None, "finished before it could be killed"


def test_what_begins_alike_is_learnt_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _, short = _complete(train_section(phases=[phase()]), tmp_path)
    steps: list[int] = []
    learn = Learner.learn
    monkeypatch.setattr(
        Learner, "learn", lambda learner, batch, step: steps.append(step) or learn(learner, batch, step)
    )
    both = train_section(phases=[phase(), phase(name="S2", steps=3)])
    training, reached = _complete(both, tmp_path)
    assert steps == [0, 1, 2]
    assert reached.state.history[:2] == short.state.history
    told = _tracker(training).phases["S1"].logged
    assert [step for step, metrics in told if "validation_si_sdr_db" in metrics] == [3, 6]
    again, same = _complete(both, tmp_path)
    assert len(steps) == 3 and same.state == reached.state
    assert _tracker(again).phases["S1"].logged == told


def test_a_finished_run_needs_nothing_of_its_earlier_legs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    train = three_phases()
    _, reached = _complete(train, tmp_path)
    *earlier, _ = legs_in(train, tmp_path)
    for folder in earlier:
        for path in sorted(folder.rglob("*"), reverse=True):
            path.rmdir() if path.is_dir() else path.unlink()
    monkeypatch.setattr(Learner, "learn", lambda *_: pytest.fail("learnt again"))
    _, again = _complete(train, tmp_path)
    assert again.state == reached.state


def test_kinds_are_found_at_the_beginning_of_their_phase_and_kept(tmp_path: Path) -> None:
    _, reached = _complete(three_phases(), tmp_path)
    _, first, second, third = (Checkpoints(folder).newest() for folder in legs_in(three_phases(), tmp_path))
    assert first is not None and second is not None and third is not None
    assert first.kinds == []
    assert len(second.kinds) == 6 and len(second.validation_kinds) == 4
    assert set(second.kinds) == {0, 1}
    assert third == reached.state


def test_by_labels_kinds_are_the_labels(tmp_path: Path) -> None:
    train = train_section(phases=[phase(rules=ALIKE)], instruments="labels")
    _, reached = _complete(train, tmp_path)
    assert reached.state.kinds == [0, 0, 0, 1, 1, 1]
    assert reached.state.validation_kinds == [0, 0, 1, 1]


def test_by_sound_kinds_need_no_appearance_network(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("stages.training.phased.seen", lambda *_, **__: pytest.fail("looked"))
    _, reached = _complete(train_section(phases=[phase(rules=ALIKE)], instruments="sound", num_kinds=2), tmp_path)
    assert (len(reached.state.kinds), len(reached.state.validation_kinds)) == (6, 4)


def test_a_rule_without_anything_to_mix_is_refused(tmp_path: Path) -> None:
    train = train_section(phases=[phase(name="S9", rules={"same_video": 1.0})])
    with pytest.raises(NothingToDraw, match=r"train\.curriculum: phase S9: rule same_video: no video has 2 windows"):
        _complete(train, tmp_path)
    lonely = train_section(phases=[phase(rules=ALIKE)], num_kinds=6)
    with pytest.raises(NothingToDraw, match=r"phase S1: rule same_instrument: 2 videos .* lower train\.num_kinds"):
        _complete(lonely, tmp_path)


def test_an_early_end_of_a_phase_moves_no_later_step(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    scores = iter([2.0, 1.0, 0.5, 0.4])
    monkeypatch.setattr("stages.training.loop.mean_over_rules", lambda *_: next(scores))
    train = train_section(phases=[phase(steps=12), phase(name="S2")], patience=1)
    _, reached = _complete(train, tmp_path)
    assert [(entry["phase"], entry["step"]) for entry in reached.state.history] == [
        ("S1", 3),
        ("S1", 6),
        ("S2", 15),
        ("S2", 18),
    ]
    assert reached.state.best_step == 15


def test_labels_are_not_looked_at(tmp_path: Path) -> None:
    train = three_phases()
    _, labelled = _complete(train, tmp_path / "labelled")
    bare = new_training(train, rows=lambda clip_id, split: decoded(clip_id, split, label=None))
    reached = bare.complete("tiny", legs_in(train, tmp_path / "bare"), Stop())
    assert _fingerprint(reached) == _fingerprint(labelled)
