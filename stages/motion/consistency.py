"""Which displacements can be believed: those whose way back leads home, and that stay in the frame.

Axes: B pairs, h x w cells of the grid; displacements in px of the frame.
"""

import torch
from torch import Tensor
from torch.nn import functional

from stages.motion.grid import middles_px, to_cells


def inside(flow_px: Tensor, height: int, width: int) -> Tensor:
    """Whether the middle of each cell is still in the frame after its displacement.

    Args:
        flow_px: (B, 2, h, w), right and down.
        height: Of the frame, px.
        width: Of the frame, px.

    Returns:
        (B, h, w), bool. A frame of W px covers [-1/2, W - 1/2].
    """
    x, y = _targets_px(flow_px)
    return (x >= -0.5) & (x <= width - 0.5) & (y >= -0.5) & (y <= height - 0.5)


def leads_home(forward_px: Tensor, backward_px: Tensor, *, relative: float, absolute_px2: float) -> Tensor:
    """The forward-backward check of Sundaram, Brox and Keutzer (ECCV 2010, equation 5).

    |f + b(x + f)|^2 <= relative * (|f|^2 + |b(x + f)|^2) + absolute_px2; it fails where something is hidden in the
    second frame, and where one of both flows is wrong.

    Args:
        forward_px: From the first frame to the second, (B, 2, h, w).
        backward_px: From the second to the first, (B, 2, h, w), read bilinearly; outside of the grid, its edge counts.
        relative: Of the squared lengths; .01 in the paper.
        absolute_px2: .5 in the paper.

    Returns:
        (B, h, w), bool; False where either is no number.
    """
    back_px = _sample(backward_px, forward_px)
    left_px2 = (forward_px + back_px).square().sum(dim=1)
    moved_px2 = forward_px.square().sum(dim=1) + back_px.square().sum(dim=1)
    return left_px2 <= relative * moved_px2 + absolute_px2


def _targets_px(flow_px: Tensor) -> tuple[Tensor, Tensor]:
    """Where the middles of the cells go: x, y, each (B, h, w)."""
    height, width = flow_px.shape[-2:]
    x = middles_px(width).to(flow_px)
    y = middles_px(height).to(flow_px)
    return x + flow_px[:, 0], y[:, None] + flow_px[:, 1]


def _sample(field: Tensor, flow_px: Tensor) -> Tensor:
    """Values of a field, (B, 2, h, w), at the ends of displacements."""
    height, width = field.shape[-2:]
    x, y = (to_cells(target) for target in _targets_px(flow_px))
    # grid_sample's [-1, 1] spans the middles of the outer cells; a side of one cell has no span
    places = torch.stack((2 * x / max(width - 1, 1) - 1, 2 * y / max(height - 1, 1) - 1), dim=-1)
    return functional.grid_sample(field, places, mode="bilinear", padding_mode="border", align_corners=True)
