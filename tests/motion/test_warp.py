"""Backward warping: known motion, its border, its gradients."""

import pytest
import torch
from torch import Tensor
from torch.nn import functional
from torch.testing import assert_close

from stages.motion.warp import warp


def _features(*shape: int) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(1))


def _uniform(u: float, v: float, height: int, width: int) -> Tensor:
    return torch.tensor([u, v])[None, :, None, None].expand(1, 2, height, width)


def test_no_motion_changes_nothing() -> None:
    features = _features(2, 3, 7, 9)
    assert_close(warp(features, torch.zeros(2, 2, 7, 9), 0.9999), features)


def test_whole_cells_are_moved_and_what_left_is_0() -> None:
    features = _features(1, 3, 8, 10)
    warped = warp(features, _uniform(3, -2, 8, 10), 0.999)  # cell (y, x) shows what stands at (y - 2, x + 3)
    assert_close(warped[:, :, 2:, :-3], features[:, :, :-2, 3:])
    assert not warped[:, :, :2].any()
    assert not warped[:, :, :, -3:].any()


def test_a_ramp_is_read_between_its_cells() -> None:
    y, x = torch.meshgrid(torch.arange(9.0), torch.arange(11.0), indexing="ij")
    warped = warp(torch.stack([x, y])[None], _uniform(0.25, 0.5, 9, 11), 0.999)
    assert_close(warped[0, :, :-1, :-1], torch.stack([x + 0.25, y + 0.5])[:, :-1, :-1], atol=1e-5, rtol=0)


@pytest.mark.parametrize("in_bounds", [0.999, 0.9999])
def test_border_is_that_of_the_published_networks(in_bounds: float) -> None:
    """There the mask is a map of ones that is warped like the features, with a threshold."""
    features = 1 + _features(1, 4, 12, 16).abs()
    flow = 3 * _features(1, 2, 12, 16)
    flow[0, 0, :, -1] = 0.0005  # 0.9995 of the last column's weight lies inside
    flow[0, 1, :, -1] = 0
    y, x = torch.meshgrid(torch.arange(12.0), torch.arange(16.0), indexing="ij")
    grid = torch.stack([2 * (x + flow[:, 0]) / 15 - 1, 2 * (y + flow[:, 1]) / 11 - 1], dim=-1)
    ones = functional.grid_sample(torch.ones_like(features), grid, align_corners=True)
    expected = functional.grid_sample(features, grid, align_corners=True) * (ones > in_bounds)
    warped = warp(features, flow, in_bounds)
    assert_close(warped, expected, atol=1e-4, rtol=0)
    assert warped[:, :, :, -1].all() == (in_bounds == 0.999)


def test_bf16_features_are_read_at_exact_places() -> None:
    """In bf16 a position beyond 256 would be off by a cell."""
    ramp = torch.arange(600.0).expand(1, 1, 2, -1) / 600
    warped = warp(ramp.bfloat16(), _uniform(-1, 0, 2, 600).bfloat16(), 0.999)
    assert warped.dtype == torch.bfloat16
    assert torch.equal(warped[..., 1:], ramp.bfloat16()[..., :-1])


def test_gradients_are_those_of_finite_differences() -> None:
    features = _features(1, 2, 5, 6).double().requires_grad_()
    flow = (0.3 + 0.2 * _features(1, 2, 5, 6).double().tanh()).requires_grad_()
    assert torch.autograd.gradcheck(lambda features, flow: warp(features, flow, 0.999), [features, flow])


def test_one_cell_is_enough() -> None:
    assert_close(warp(torch.ones(1, 1, 1, 1), torch.zeros(1, 2, 1, 1), 0.999), torch.ones(1, 1, 1, 1))
