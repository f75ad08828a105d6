"""How well a flow explains two frames whose true flow nobody knows (Jonschkowski et al., ECCV 2020).

Axes: B pairs, H x W pixels, h x w cells of the quarter grid.
"""

import torch
from torch import Tensor
from torch.nn import functional

from stages.motion.consistency import inside, leads_home
from stages.motion.grid import expand
from stages.motion.warp import warp

_PATCH_PX = 5
_EDGE = 20.0  # how soon a change of brightness, in [0, 1], lets flow change too
_SMOOTHNESS = 0.05  # weight of px a cell beside the census distance
_BOUNDS = {"relative": 0.01, "absolute_px2": 0.5}  # of the forward-backward check, as its paper has them


def unlabelled_loss(forward_px: Tensor, backward_px: Tensor, first: Tensor, second: Tensor) -> Tensor:
    """Census distance where the second frame shows what the first does, and roughness of the flow away from edges.

    Args:
        forward_px: Flow from `first` to `second`, (B, 2, h, w), px.
        backward_px: Flow from `second` to `first`, the same shape; only judged against, not taught.
        first: RGB in [0, 1], (B, 3, H, W), both sides multiples of 4.
        second: The same shape.
    """
    height, width = first.shape[-2:]
    flow, back = forward_px.detach(), backward_px.detach()
    shown = at_pixels(leads_back(flow, back, height, width), height, width)
    drawn_back = warp(second, expand(forward_px, height, width), 0.999)
    distance = census_distance(_grey(first), _grey(drawn_back))
    fit = (distance * shown).sum() / shown.sum().clamp(min=1)
    return fit + _SMOOTHNESS * roughness(forward_px, first)


def leads_back(forward_px: Tensor, backward_px: Tensor, height: int, width: int) -> Tensor:
    """Which cells, (B, h, w), stay in a frame of so many px and come back to where they began."""
    return leads_home(forward_px, backward_px, **_BOUNDS) & inside(forward_px, height, width)


def at_pixels(cells: Tensor, height: int, width: int) -> Tensor:
    """A mask of cells, (B, h, w), as one of pixels, (B, 1, height, width)."""
    return expand(cells[:, None].float(), height, width) > 0.5


def census_distance(one: Tensor, two: Tensor) -> Tensor:
    """How differently each pixel compares with its neighbours in two grey pictures, whatever their light.

    The soft census transform of Meister et al. (AAAI 2018, section 3.2).

    Args:
        one: (B, 1, H, W) in [0, 1].
        two: The same shape.

    Returns:
        (B, 1, H, W): share of neighbours in [0, 1) that compare otherwise.
    """
    squared = (_signs(one) - _signs(two)).square()
    return (squared / (0.1 + squared)).mean(dim=1, keepdim=True)


def roughness(flow_px: Tensor, frame: Tensor) -> Tensor:
    """Mean change of flow from cell to cell, px, little counted where the frame changes too."""
    cells = functional.avg_pool2d(frame, frame.shape[-1] // flow_px.shape[-1])
    total = flow_px.new_zeros(())
    for axis in (2, 3):
        step, edge = (values.diff(dim=axis).abs().mean(dim=1) for values in (flow_px, cells))
        total = total + (step * torch.exp(-_EDGE * edge)).mean()
    return total


def _signs(grey: Tensor) -> Tensor:
    """Each neighbour's difference to the middle of its patch, squashed to (-1, 1): (B, patch, H, W)."""
    patches = functional.unfold(grey, _PATCH_PX, padding=_PATCH_PX // 2).unflatten(2, grey.shape[-2:])
    difference = 255 * (patches - grey)
    return difference / (0.81 + difference.square()).sqrt()


def _grey(frames: Tensor) -> Tensor:
    return (frames * frames.new_tensor([0.299, 0.587, 0.114])[:, None, None]).sum(dim=1, keepdim=True)
