"""Pulls a feature map of the second frame back onto the first, along the flow (Sun et al. 2018, section 3).

Axes: B pairs, C channels, H x W cells.
"""

import torch
from torch import Tensor
from torch.nn import functional


def warp(features: Tensor, flow: Tensor, in_bounds: float) -> Tensor:
    """What stands at (x + u, y + v), bilinear between the centres of cells, 0 where that lies outside.

    Args:
        features: (B, C, H, W).
        flow: (B, 2, H, W), u (right) and v (down) in cells of this map.
        in_bounds: A place counts as inside where its four neighbours inside have at least this weight, in (0, 1];
            the published networks say .999 or .9999.

    Returns:
        (B, C, H, W) of the features' type; positions are computed at least in float32.
    """
    height, width = features.shape[-2:]
    exact = torch.promote_types(features.dtype, torch.float32)
    x, y = _positions(flow.to(exact))
    # The corners of grid_sample's square are the centres of the outermost cells.
    grid = torch.stack([2 * x / max(width - 1, 1) - 1, 2 * y / max(height - 1, 1) - 1], dim=-1)
    sampled = functional.grid_sample(features.to(exact), grid, align_corners=True)
    return (sampled * _inside(x, y, in_bounds)).to(features.dtype)


def lands_inside(flow: Tensor, in_bounds: float) -> Tensor:
    """Which cells have their place in the second map, (B, 1, H, W), bool; see `warp`. At 1 no place may lie outside."""
    return _inside(*_positions(flow.to(torch.promote_types(flow.dtype, torch.float32))), in_bounds)


def _inside(x: Tensor, y: Tensor, in_bounds: float) -> Tensor:
    height, width = x.shape[-2:]
    return (_weight_inside(x, width) * _weight_inside(y, height) >= in_bounds)[:, None]


def _positions(flow: Tensor) -> tuple[Tensor, Tensor]:
    """Where each cell's flow points to, x and y in cells, each (B, H, W)."""
    height, width = flow.shape[-2:]
    rows = torch.arange(height, dtype=flow.dtype, device=flow.device)
    columns = torch.arange(width, dtype=flow.dtype, device=flow.device)
    return columns + flow[:, 0], rows[:, None] + flow[:, 1]


def _weight_inside(position: Tensor, size: int) -> Tensor:
    """Share of a linear interpolation along one axis that falls on cells 0 .. size - 1."""
    beyond = torch.maximum(-position, position - (size - 1)).clamp(min=0)
    return (1 - beyond).clamp(min=0)
