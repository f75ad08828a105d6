"""Checkpoints: exact, whole, checked, and few."""

import fcntl
from pathlib import Path

import pytest
import torch

from stages.training.checkpoint import TrainingState, Validation, open_checkpoints
from stages.training.loop import Course
from stages.training.optimizer import state_tensors
from tests.synth.learning import new_course, train_section


def _state(step: int, best: int | None = None) -> TrainingState:
    return TrainingState(step=step, losses=[0.1 + 0.2], best_step=best, best_si_sdr_db=None if best is None else 1.0)


def test_everything_comes_back_bit_by_bit(tmp_path: Path) -> None:
    course = new_course(train_section(), tmp_path)
    for step in range(3):
        course.learner.learn(course.batches.at(step), step)
    history: list[Validation] = [{"phase": "S1", "step": 3, "loss": 1 / 3, "si_sdr_db": None}]
    state = TrainingState(3, 3, 2, 1, [0.1, 1e-17], history, 2, -0.7, [0, 1, 0], [1])
    course.checkpoints.save(course.learner, _state(2))
    course.checkpoints.save(course.learner, state)
    expected = _next_step(course, course), torch.rand(3)
    other = new_course(train_section(seed=9), tmp_path)
    assert other.checkpoints.resume(other.learner) == state
    found = _next_step(other, course), torch.rand(3)
    assert all(torch.equal(expected[0][name], value) for name, value in found[0].items())
    assert torch.equal(expected[1], found[1])


def _next_step(course: Course, data: Course) -> dict[str, torch.Tensor]:
    """Weights, batch statistics and moments after one more step."""
    learner = course.learner
    learner.learn(data.batches.at(3), 3)
    return dict(learner.net.state_dict()) | state_tensors(learner.net, learner.optimizer)


def test_without_a_checkpoint_training_starts_fresh(tmp_path: Path) -> None:
    course = new_course(train_section(), tmp_path)
    assert course.checkpoints.resume(course.learner) is None


@pytest.mark.parametrize("name", ["weights.safetensors", "optimizer.safetensors", "state.json"])
@pytest.mark.parametrize("damage", ["flip", "cut", "gone"])
def test_a_damaged_checkpoint_gives_way_to_the_one_before(tmp_path: Path, name: str, damage: str) -> None:
    course = new_course(train_section(), tmp_path)
    for step in (2, 4):
        course.checkpoints.save(course.learner, _state(step))
    path = course.checkpoints.path(4) / name
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.unlink()
    if damage != "gone":
        path.write_bytes(content if damage == "flip" else content[: len(content) // 2])
    assert course.checkpoints.resume(course.learner) == _state(2)
    course.checkpoints.save(course.learner, _state(4))
    assert course.checkpoints.resume(course.learner) == _state(4)


def test_a_checkpoint_whose_best_is_damaged_is_not_used(tmp_path: Path) -> None:
    course = new_course(train_section(), tmp_path)
    for step, best in ((2, None), (4, 4), (6, 4)):
        course.checkpoints.save(course.learner, _state(step, best))
    course.checkpoints.save(course.learner, _state(2))
    (course.checkpoints.path(4) / "weights.safetensors").write_bytes(b"")
    assert course.checkpoints.resume(course.learner) is None


def test_the_last_two_and_the_best_are_kept(tmp_path: Path) -> None:
    course = new_course(train_section(), tmp_path)
    for step, best in ((1, None), (2, 2), (3, 2), (4, 2), (5, 2), (6, 6)):
        course.checkpoints.save(course.learner, _state(step, best))
        assert len(course.checkpoints.steps()) <= 3
        assert best is None or best in course.checkpoints.steps()
    assert course.checkpoints.steps() == [5, 6]


def test_what_a_killed_writer_left_is_swept(tmp_path: Path) -> None:
    (tmp_path / ".partial-x").mkdir()
    (tmp_path / ".partial-x/weights.safetensors").write_bytes(b"half")
    with open_checkpoints(tmp_path) as checkpoints:
        assert not list(tmp_path.glob(".partial-*"))
        assert checkpoints.steps() == []


def test_a_second_process_waits_for_the_first(tmp_path: Path) -> None:
    with open_checkpoints(tmp_path), (tmp_path / ".lock").open() as handle, pytest.raises(BlockingIOError):
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
