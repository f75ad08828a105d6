"""Pairs for a second look: what the pupil itself leaves over, as a lesson.

Axes: B pairs, S x S pixels.
"""

import torch
from torch import Tensor
from torch.nn import functional

from stages.motion.looks import ENLARGED, next_look
from stages.motion.pwcnet import PWCNet, estimate_flow
from stages.motion.synthetic import Pairs
from stages.motion.warp import lands_inside


def left_over(net: PWCNet, pairs: Pairs, generator: torch.Generator) -> Pairs:
    """The same square of all enlarged pairs, of their own size, with the flow that is still missing there.

    Args:
        net: Looks first.
        pairs: With their truth, (B, ., S, S).
        generator: Draws the square.
    """
    flow = estimate_flow(net, pairs.first, pairs.second)
    first, second, shown = next_look(pairs.first, pairs.second, flow)
    rest = functional.interpolate(pairs.flow - flow, scale_factor=ENLARGED, mode="bilinear", align_corners=False)
    side = flow.shape[-1]
    top, left = (int(torch.randint((ENLARGED - 1) * side + 1, (), generator=generator)) for _ in range(2))

    def square(values: Tensor) -> Tensor:
        return values[..., top : top + side, left : left + side]

    missing = ENLARGED * square(rest)
    return Pairs(
        first=square(first),
        second=square(second),
        flow=missing,
        seen=square(_doubled(pairs.seen)),
        inside=square(_doubled(shown & pairs.inside)) & lands_inside(missing, 1.0),
    )


def _doubled(mask: Tensor) -> Tensor:
    return mask.repeat_interleave(ENLARGED, 2).repeat_interleave(ENLARGED, 3)
