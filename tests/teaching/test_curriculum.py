"""Which pairs are shown when."""

from dataclasses import replace

import pytest
import torch

from stages.teaching.curriculum import Curriculum, difficulty
from stages.teaching.losses import endpoint_error
from stages.teaching.recipe import RECIPES

TINY = replace(RECIPES["lite"], scenes=2, side_px=64, textures=10, textures_steps=5, ramp_steps=10)
CPU = torch.device("cpu")


def test_a_batch_depends_on_seed_and_step_alone() -> None:
    one, other = Curriculum(TINY, CPU), Curriculum(TINY, CPU)
    other.at(11)
    assert torch.equal(one.at(3).first, other.at(3).first)
    assert not torch.equal(one.at(3).first, one.at(4).first)
    assert not torch.equal(one.at(3).first, Curriculum(replace(TINY, seed=2), CPU).at(3).first)


def test_held_out_pairs_are_the_same_for_every_seed_and_never_learnt_from() -> None:
    held_out = [Curriculum(replace(TINY, seed=seed), CPU).held_out(1.0).first for seed in (1, 2)]
    assert torch.equal(*held_out)
    learnt = torch.cat([Curriculum(TINY, CPU).at(step).first for step in range(12)])
    assert all(float((learnt - frame).abs().mean(dim=(1, 2, 3)).min()) > 0.05 for frame in held_out[0])


def test_larger_pairs_are_fewer_and_as_hard() -> None:
    recipe = replace(TINY, scenes=8)
    small, large = (Curriculum(recipe, CPU).at(20, larger=larger) for larger in (False, True))
    assert (small.first.shape, large.first.shape) == ((16, 3, 64, 64), (4, 3, 128, 128))
    assert small.first.numel() == large.first.numel()
    assert Curriculum(TINY, CPU).at(20, larger=True).first.shape == (2, 3, 128, 128)
    moved = [float(pairs.flow.norm(dim=1).max()) for pairs in (small, large)]
    assert 0.3 < moved[1] / moved[0] < 3


def test_scenes_get_harder_and_at_first_nothing_rests() -> None:
    first, last = difficulty(0.0, 1.0), difficulty(1.0, 1.0)
    assert first.resting == first.still == 0
    for what in ("layers", "resting", "still", "shift_px", "turn_rad", "stretch", "wave_px"):
        assert getattr(first, what) < getattr(last, what)
    curriculum = Curriculum(TINY, CPU)
    small, large = (curriculum.held_out(scale) for scale in (0.1, 1.0))
    moved = [float(endpoint_error(torch.zeros_like(pairs.flow), pairs).mean()) for pairs in (small, large)]
    assert moved[1] > 5 * moved[0]


@pytest.mark.parametrize("step", [0, 10])
def test_motion_stays_within_what_is_announced(step: int) -> None:
    # A layer's own motion upon the camera's, at the corners of the frame.
    hardest = difficulty(step / 10, 1.0)
    bound = 2 * hardest.shift_px + 3 * 64 * (hardest.turn_rad + 2 * hardest.stretch) + 2 * hardest.wave_px
    assert float(Curriculum(TINY, CPU).at(step).flow.norm(dim=1).max()) < bound
