"""One step of learning."""

from dataclasses import replace

import pytest
import torch

from stages.motion.pwcnet import PRESETS
from stages.motion.synthetic import draw_pairs
from stages.motion.textures import draw_textures
from stages.teaching.curriculum import Curriculum, difficulty
from stages.teaching.losses import endpoint_error, multi_scale_loss
from stages.teaching.pupil import Pupil, rate
from stages.teaching.recipe import RECIPES

CPU = torch.device("cpu")
SMALL = replace(PRESETS["lite"], pyramid=(8, 16, 24, 32, 32, 32), convolutions=1, decoder=(32, 24, 16), context=())
RECIPE = replace(
    RECIPES["lite"], side_px=64, textures=10, rate=1e-3, warmup_steps=20, average_decay=0.9, precision="fp32"
)


def test_a_small_network_learns_in_seconds() -> None:
    """It is shown the same eight pairs again and again."""
    random = torch.Generator().manual_seed(1)
    pairs = draw_pairs(draw_textures(10, random), difficulty(0.0, 0.6), 4, 64, random)
    pupil = Pupil(SMALL, RECIPE, CPU)
    for step in range(80):
        pupil.learn(multi_scale_loss(pupil.flows(pairs.first, pairs.second), pairs), step)
    with torch.no_grad():
        flow = torch.nn.functional.interpolate(pupil.average(pairs.first, pairs.second)[0], scale_factor=4)
    still = endpoint_error(torch.zeros_like(flow), pairs).mean()
    assert float(endpoint_error(flow, pairs).mean()) < 0.7 * float(still)


def test_the_average_follows_the_weights() -> None:
    pupil, pairs = Pupil(SMALL, RECIPE, CPU), Curriculum(RECIPE, CPU).at(0)
    expected = [value.clone() for value in pupil.net.parameters()]
    for step in range(2):
        pupil.learn(multi_scale_loss(pupil.flows(pairs.first, pairs.second), pairs), step)
        keep = (1 + step) / (10 + step)
        expected = [keep * old + (1 - keep) * new for old, new in zip(expected, pupil.net.parameters(), strict=True)]
    for value, kept in zip(expected, pupil.average.parameters(), strict=True):
        torch.testing.assert_close(kept.detach(), value.detach())


@pytest.mark.parametrize(
    "step, updates, share",
    [(0, 0, 1 / 21), (20, 20, 1.0), (99, 99, 1.0), (399, 399, 0.5), (9999, 9999, 0.1), (399, 0, 0.5 / 21)],
)
def test_the_rate_rises_stays_and_falls(step: int, updates: int, share: float) -> None:
    assert rate(replace(RECIPE, steady_steps=100), step, updates) == pytest.approx(RECIPE.rate * share)
