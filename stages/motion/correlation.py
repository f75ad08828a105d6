"""Cost volume: how well each place of one feature map fits its neighbourhood in another (Sun et al. 2018, section 3).

Axes: B pairs, C channels, H x W cells, R radius, D = 2 R + 1 displacements along each axis.
"""

import torch
from torch import Tensor
from torch.nn import functional

# Tiles of 8 x 8 cells against their 16 x 16 surroundings: one matrix product for each tile computes 3.2 times what is
# kept, yet the five volumes of a 256 x 256 pair take 3.5 ms instead of the 10.2 of 81 shifted products (bf16: 2.4 and
# 14.9; one core of an AMD EPYC); tiles of 4 or 16 cells, or whole rows, take longer.
_TILE = 8


def cost_volume(first: Tensor, second: Tensor, radius: int) -> Tensor:
    """Mean over the channels of `first` times `second` displaced.

    Args:
        first: (B, C, H, W), any size.
        second: The same shape; counts as 0 outside.
        radius: Largest displacement in cells, in each direction.

    Returns:
        (B, D * D, H, W); channel `(dy + R) * D + (dx + R)` is the mean of first[y, x] * second[y + dy, x + dx].
    """
    if first.shape != second.shape or first.ndim != 4:
        raise ValueError(f"two maps (B, C, H, W) of one shape expected, got {[*first.shape]} and {[*second.shape]}")
    batch, channels, height, width = first.shape
    rows, columns = -(-height // _TILE), -(-width // _TILE)
    below, right = rows * _TILE - height, columns * _TILE - width
    side, displacements = _TILE + 2 * radius, 2 * radius + 1
    tiles = functional.pad(first / channels, (0, right, 0, below))
    tiles = tiles.reshape(batch, channels, rows, _TILE, columns, _TILE).permute(0, 2, 4, 3, 5, 1)
    around = functional.pad(second, (radius, radius + right, radius, radius + below))
    around = around.unfold(2, side, _TILE).unfold(3, side, _TILE).permute(0, 2, 3, 1, 4, 5)
    products = torch.bmm(
        tiles.reshape(-1, _TILE * _TILE, channels),
        around.reshape(-1, channels, side * side),
    )
    # Cell (y, x) of a tile stands at (y + R, x + R) of its surroundings, so its neighbours begin at (y, x).
    cell = side * side
    kept = products.as_strided(
        (batch, rows, columns, _TILE, _TILE, displacements, displacements),
        (*_strides(rows, columns, _TILE * _TILE * cell), _TILE * cell + side, cell + 1, side, 1),
    )
    height_width = (rows * _TILE, columns * _TILE)
    if first.is_contiguous(memory_format=torch.channels_last):  # a volume of another layout would slow the decoder
        volume = kept.permute(0, 1, 3, 2, 4, 5, 6).reshape(batch, *height_width, displacements**2).permute(0, 3, 1, 2)
    else:
        volume = kept.permute(0, 5, 6, 1, 3, 2, 4).reshape(batch, displacements**2, *height_width)
    return volume[:, :, :height, :width]


def normalised(features: Tensor) -> Tensor:
    """Zero mean and unit variance over C, H and W of each sample, (B, C, H, W), for maps of any scale.

    Without it a network that is trained from scratch stays at zero flow: the volume is too small to be noticed.
    """
    return functional.group_norm(features, 1)


def _strides(rows: int, columns: int, tile: int) -> tuple[int, int, int]:
    return rows * columns * tile, columns * tile, tile
