"""Training on a GPU: it learns, stops, goes on, and its weights are used on the CPU."""

from pathlib import Path

import pytest
import torch

from stages.networks.separation import load
from stages.training.export import export
from stages.training.interrupt import Stop
from tests.synth.learning import CLIP, MODEL, NUM_SAMPLES, SPECTROGRAM, complete, new_course, train_section

pytestmark = pytest.mark.skipif(not torch.cuda.is_available(), reason="this machine has no GPU that torch can use")


@pytest.mark.parametrize("precision", ["fp32", "bf16"])
@pytest.mark.parametrize("channels_last", [True, False])
def test_a_course_on_a_gpu_ends_in_a_separator_for_any_machine(
    tmp_path: Path, precision: str, channels_last: bool
) -> None:
    settings: dict[str, object] = {
        "device": "cuda",
        "precision": precision,
        "channels_last": channels_last,
        "validate_every_steps": 10,
    }
    half = new_course(train_section(steps=10, **settings), tmp_path / "steps")
    complete(half, Stop())
    course = new_course(train_section(steps=40, **settings), tmp_path / "steps")
    state = complete(course, Stop())
    assert [entry["step"] for entry in state.history] == [10, 20, 30, 40]
    export(course.learner.separator, course.checkpoints, state, tmp_path / "model", card={})
    separator = load(tmp_path / "model")
    assert (separator.clip, separator.spectrogram, separator.model) == (CLIP, SPECTROGRAM, MODEL)
    estimates = separator.separate(torch.randn(1, NUM_SAMPLES), torch.randn(1, 2, 1, 3, 32, 32), mask="soft")
    assert estimates.isfinite().all()


@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_the_loss_of_a_repeated_batch_falls(tmp_path: Path, precision: str) -> None:
    course = new_course(train_section(device="cuda", precision=precision), tmp_path)
    losses = [course.learner.learn(course.batches.at(0), step) for step in range(12)]
    assert losses[-1] < 0.9 * losses[0]


def test_a_compiled_step_learns_what_the_plain_one_learns(tmp_path: Path) -> None:
    losses = {
        wanted: [
            course.learner.learn(course.batches.at(step), step)
            for course in [new_course(train_section(device="cuda", compile=wanted), tmp_path / str(wanted))]
            for step in range(4)
        ]
        for wanted in (False, True)
    }
    assert losses[True] == pytest.approx(losses[False], rel=1e-2)
