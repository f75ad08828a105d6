"""Maps of cells, made coarser where each cell costs too much to look at by itself.

Axes: y x x cells, G x G groups of them.
"""

from typing import Literal

from torch import Tensor
from torch.nn import functional


def coarse(maps: Tensor, most: int, pooling: Literal["max", "mean"]) -> Tensor:
    """Maps (M, K, y, x) as they are, or (M, K, G, G) with G <= `most` where a side has more cells.

    Cells are pooled by as few as possible a side; groups overlap by a cell where their number does not divide the side.
    """
    side = maps.shape[-1]
    groups = -(-side // -(-side // most))
    if groups == side:
        return maps
    pool = functional.adaptive_max_pool2d if pooling == "max" else functional.adaptive_avg_pool2d
    return pool(maps, groups)
