"""Mixtures are means, gains stay in their range."""

import torch
from torch.testing import assert_close

from stages.audio.mixing import draw_gains, mix


def test_mixture_is_the_mean_over_sources() -> None:
    sources = torch.tensor([[[1.0, 2.0, 3.0], [3.0, 0.0, -3.0]], [[0.0, 0.0, 8.0], [2.0, 4.0, 0.0]]])
    assert_close(mix(sources), torch.tensor([[2.0, 1.0, 0.0], [1.0, 2.0, 4.0]]))


def test_gains_fill_their_range_and_depend_on_the_generator_alone() -> None:
    gains = draw_gains(10_000, 0.5, 1.5, torch.Generator().manual_seed(3))
    assert gains.min() >= 0.5
    assert gains.max() < 1.5
    assert abs(gains.mean().item() - 1) < 0.02
    assert torch.equal(gains, draw_gains(10_000, 0.5, 1.5, torch.Generator().manual_seed(3)))
