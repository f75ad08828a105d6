"""How far flow at several scales is from the truth (Sun et al. 2018, section 4).

Axes: B pairs, H x W pixels, level l with H / 2^l x W / 2^l cells.
"""

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import functional

from stages.motion.pwcnet import FINEST, FLOW_UNIT_PX
from stages.motion.synthetic import Pairs

# The paper's .005 to .32 for sums over cells, as weights of means: a level has a quarter of the cells of the finer one.
_WEIGHTS = (1.28, 0.64, 0.32, 0.32, 0.32)
_UNSEEN = 0.3  # weight of pixels that the second frame doesn't show
_SMALLEST = 1e-3  # units of flow: rounds off the tip of the distance, whose slope would jump there
_LEAST_TRUST = 1e-3  # of all cells together: where none is trusted the loss is 0


def multi_scale_loss(flows: Sequence[Tensor], pairs: Pairs) -> Tensor:
    """Weighted sum over levels of the mean distance to the true flow, in units of 20 px.

    Args:
        flows: Finest first, (B, 2, H / 4, W / 4) to (B, 2, H / 64, W / 64), px.
        pairs: With their truth.
    """
    return weighted_distance(flows, pairs.flow, torch.where(pairs.seen & pairs.inside, 1.0, _UNSEEN))


def weighted_distance(flows: Sequence[Tensor], truth_px: Tensor, weight: Tensor) -> Tensor:
    """The same for any weights of pixels.

    Args:
        flows: As above.
        truth_px: (B, 2, H, W).
        weight: (B, 1, H, W); their scale does not matter.
    """
    total = flows[0].new_zeros(())
    for level, (flow, factor) in enumerate(zip(flows, _WEIGHTS, strict=True), FINEST):
        truth, trust = (functional.avg_pool2d(values, 2**level) for values in (truth_px, weight))
        squared = ((flow - truth) / FLOW_UNIT_PX).square().sum(dim=1, keepdim=True)
        distance = (squared + _SMALLEST**2).sqrt()
        total = total + factor * (trust * distance).sum() / trust.sum().clamp(min=_LEAST_TRUST)
    return total


def endpoint_error(flow: Tensor, pairs: Pairs) -> Tensor:
    """Mean distance in px between flow (B, 2, H, W) and truth over the pixels that stay in the frame, for each pair."""
    distance = (flow - pairs.flow).norm(dim=1, keepdim=True)
    return (distance * pairs.inside).sum(dim=(1, 2, 3)) / pairs.inside.sum(dim=(1, 2, 3)).clamp(min=1)
