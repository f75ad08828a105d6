"""How training pictures vary beyond their crop: few videos then stand for more. Axes: P frames of a clip, X pixels."""

import torch
from torch import Tensor
from torch.nn import functional

from stages.params import Augmentation


def vary(frames: Tensor, how: Augmentation, random: torch.Generator) -> Tensor:
    """Zoom, shift and recolour the frames of one clip, (P, 3, X, X) normalised -> the same shape.

    All frames of a clip are changed alike, so that nothing seems to move. The half-widths of `how` are drawn from
    uniformly: side shown and place of its centre (beyond the edge lies the mirror image), contrast and brightness of
    each colour; and the three colours may change places, since what an instrument is called is no matter of its hue.
    """
    frames = _framed(frames, how, random) if how.zoom or how.shift else frames
    gain, offset = 1 + how.contrast * _around(3, random), how.brightness * _SPAN * _around(3, random)
    frames = frames * gain[:, None, None] + offset[:, None, None]
    return frames[:, torch.randperm(3, generator=random)] if how.shuffle_channels else frames


_SPAN = 4.4  # of normalised values: pixels in [0, 1] over ImageNet's mean deviation, 0.226


def _framed(frames: Tensor, how: Augmentation, random: torch.Generator) -> Tensor:
    side = 1 + how.zoom * _around(1, random)
    centre = how.shift * _around(2, random)
    square = torch.cat([side * torch.eye(2), centre[:, None]], dim=1).expand(len(frames), 2, 3)
    places = functional.affine_grid(square, list(frames.shape), align_corners=False)
    return functional.grid_sample(frames, places, padding_mode="reflection", align_corners=False)


def _around(count: int, random: torch.Generator) -> Tensor:
    """(count,), uniform in [-1, 1)."""
    return 2 * torch.rand(count, generator=random) - 1
