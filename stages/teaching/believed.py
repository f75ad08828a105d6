"""Frames without truth: what further looks find is believed, and taught to earlier ones.

A network that looks again is nearer to the truth than at its first look, on frames of any kind; so it can teach itself
on those that it will be used on. Compare Liu et al. (DDFlow, AAAI 2019), who teach what is known where more is seen.
For some hundred batches at a falling rate: what is believed is no truth, and made-up pairs get a little worse by it.

Axes: B pairs, H x W pixels.
"""

from collections.abc import Sequence

import torch
from torch import Tensor

from stages.motion.consistency import inside
from stages.motion.grid import reduce
from stages.motion.pwcnet import PWCNet, estimate_flow
from stages.motion.synthetic import Pairs
from stages.teaching.losses import weighted_distance
from stages.teaching.unlabelled import at_pixels, leads_back, unlabelled_loss

_LOOKS = 3
_MOVES_PX = 0.3
_MOST = 8.0  # weight of what moves, where little does
_FIT = 0.3  # weight of how well the frames themselves fit, beside px of 20


@torch.no_grad()
def believed(net: PWCNet, first: Tensor, second: Tensor) -> Pairs:
    """Pairs in both orders, whose flow is what three looks say, seen where the way back leads home.

    Args:
        net: Looks.
        first: RGB in [0, 1], (B, 3, H, W), both sides multiples of 4.
        second: The same shape.

    Returns:
        (2 B, ., H, W): the given order, then the other one.
    """
    height, width = first.shape[-2:]
    ones, others = torch.cat([first, second]), torch.cat([second, first])
    flow = estimate_flow(net, ones, others, _LOOKS)
    cells = reduce(flow)
    home, stays = leads_back(cells, _other_order(cells), height, width), inside(cells, height, width)
    seen, kept = (at_pixels(mask, height, width) for mask in (home, stays))
    return Pairs(first=ones, second=others, flow=flow, seen=seen, inside=kept)


def belief_loss(flows: Sequence[Tensor], pairs: Pairs) -> Tensor:
    """Distance to what is believed, and how badly the frames fit.

    Args:
        flows: Of both orders, finest first, as the network gives them.
        pairs: As `believed` gives them.
    """
    fit = unlabelled_loss(flows[0], _other_order(flows[0]), pairs.first, pairs.second)
    return weighted_distance(flows, pairs.flow, evened(pairs)) + _FIT * fit


def evened(pairs: Pairs) -> Tensor:
    """Weights, (B, 1, H, W), by which all that moves counts as much as all that rests, and nothing that isn't seen.

    Most of a film rests; weighed by area, the few pixels that matter would be taught to rest too.
    """
    moves = pairs.seen & (pairs.flow.norm(dim=1, keepdim=True) > _MOVES_PX)
    rests = pairs.seen & ~moves
    half = pairs.seen.sum() / 2
    heavy, light = ((half / mask.sum().clamp(min=1)).clamp(max=_MOST) for mask in (moves, rests))
    return heavy * moves + light * rests


def _other_order(values: Tensor) -> Tensor:
    return torch.cat(values.chunk(2)[::-1])
