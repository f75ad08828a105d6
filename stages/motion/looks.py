"""A second look at a pair of frames: what an estimate of flow leaves over is sought in enlarged frames.

Axes: B pairs, H x W pixels.
"""

import torch
from torch import Tensor
from torch.nn import functional

from stages.motion.warp import lands_inside, warp

ENLARGED = 2  # times each side
_IN_BOUNDS = 0.999


def next_look(first: Tensor, second: Tensor, flow_px: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Frames between which the rest of the flow is to be found.

    Args:
        first: RGB in [0, 1], (B, 3, H, W).
        second: The same shape.
        flow_px: From first to second as it is known so far, (B, 2, H, W).

    Returns:
        The first frame and the second one drawn back by the flow, both (B, 3, 2 H, 2 W), and where the flow stays in
        the frame, (B, 1, H, W), bool; elsewhere both show the first.
    """
    shown = lands_inside(flow_px, _IN_BOUNDS)
    drawn = torch.where(shown, warp(second, flow_px, _IN_BOUNDS), first)
    return _enlarge(first), _enlarge(drawn), shown


def _enlarge(frames: Tensor) -> Tensor:
    return functional.interpolate(frames, scale_factor=ENLARGED, mode="bicubic", align_corners=False).clamp(0, 1)
