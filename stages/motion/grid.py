"""The grid that flow lies on, and how its cells and the frame's pixels find each other.

Positions are in pixels, x to the right and y down; the centre of the upper left pixel is (0, 0), so a frame of W x H
pixels covers [-1/2, W - 1/2) x [-1/2, H - 1/2). Cell k of a side covers the pixels 4k ... 4k + 3; what it holds is true
at their middle, 4k + 3/2. This is level 2 of PWC-Net (Sun et al. 2018, section 3) as its output is brought to full
size: bilinear, with half-pixel centres (`align_corners=False`). A last cell may hang over the frame's edge.

Axes: H x W pixels, h x w cells; leading axes are free.
"""

import torch
from torch import Tensor
from torch.nn import functional

from stages.shards.flow_schema import GRID_PX, cells_of


def to_cells(position_px: Tensor) -> Tensor:
    """Fractional cell at a position, one coordinate of it: 0 at the middle of cell 0, 1 at that of cell 1."""
    return (position_px - (GRID_PX - 1) / 2) / GRID_PX


def to_pixels(cell: Tensor) -> Tensor:
    """Position of a fractional cell, px: the inverse of `to_cells`."""
    return cell * GRID_PX + (GRID_PX - 1) / 2


def reduce(full: Tensor) -> Tensor:
    """Mean of each cell, (..., H, W) -> (..., h, w); a cut cell is the mean of its pixels in the frame."""
    flat = full.reshape(-1, 1, *full.shape[-2:])
    means = functional.avg_pool2d(flat, GRID_PX, ceil_mode=True, count_include_pad=False)
    return means.reshape(*full.shape[:-2], *means.shape[-2:])


def expand(cells: Tensor, height: int, width: int) -> Tensor:
    """Values at the pixels' centres, (..., h, w) -> (..., height, width): bilinear, constant outside the middles."""
    expected = (cells_of(height), cells_of(width))
    if cells.shape[-2:] != expected:
        raise ValueError(
            f"a frame of {width} x {height} px has {expected[1]} x {expected[0]} cells, got a grid of "
            f"{cells.shape[-1]} x {cells.shape[-2]}"
        )
    flat = cells.reshape(-1, 1, *cells.shape[-2:])
    full = functional.interpolate(flat, scale_factor=GRID_PX, mode="bilinear", align_corners=False)
    return full[..., :height, :width].reshape(*cells.shape[:-2], height, width)


def middles_px(num: int) -> Tensor:
    """Positions of the middles of the first cells of a side, (num,), px."""
    return to_pixels(torch.arange(num, dtype=torch.float32))
