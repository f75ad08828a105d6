"""How training pictures vary beyond their crop: few videos then stand for more. Axes: P frames of a clip, X pixels."""

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from stages.curricula import Augmentation
from stages.networks.sight import WHOLE, Framing


@dataclass(frozen=True, slots=True)
class Variation:
    """One draw: how a clip's picture, and with it its motion, is shown."""

    framing: Framing
    gain: Tensor  # (3,), of each colour
    offset: Tensor  # (3,)
    order: Tensor  # (3,), which colour stands where


def vary(frames: Tensor, how: Augmentation, random: torch.Generator) -> Tensor:
    """Zoom, shift and recolour the frames of one clip, (P, 3, X, X) normalised -> the same shape."""
    return varied(frames, draw_variation(how, random))


def draw_variation(how: Augmentation, random: torch.Generator) -> Variation:
    """Draw how a clip is varied.

    All frames of a clip are changed alike, so that nothing seems to move. The half-widths of `how` are drawn from
    uniformly: side shown and place of its centre (beyond the edge lies the mirror image), contrast and brightness of
    each colour; and the three colours may change places, since what an instrument is called is no matter of its hue.
    """
    framing = WHOLE
    if how.zoom or how.shift:
        side = 1 + how.zoom * _around(1, random)
        x, y = (how.shift * _around(2, random)).tolist()
        framing = Framing(side.item(), (x, y))
    gain, offset = 1 + how.contrast * _around(3, random), how.brightness * _SPAN * _around(3, random)
    order = torch.randperm(3, generator=random) if how.shuffle_channels else torch.arange(3)
    return Variation(framing, gain, offset, order)


def varied(frames: Tensor, variation: Variation) -> Tensor:
    """Frames (P, 3, X, X), shown as was drawn."""
    frames = frames if variation.framing == WHOLE else _framed(frames, variation.framing)
    frames = frames * variation.gain[:, None, None] + variation.offset[:, None, None]
    return frames[:, variation.order]


_SPAN = 4.4  # of normalised values: pixels in [0, 1] over ImageNet's mean deviation, 0.226


def _framed(frames: Tensor, framing: Framing) -> Tensor:
    square = torch.cat([framing.side * torch.eye(2), torch.tensor(framing.centre)[:, None]], dim=1)
    square = square.expand(len(frames), 2, 3)
    places = functional.affine_grid(square, list(frames.shape), align_corners=False)
    return functional.grid_sample(frames, places, padding_mode="reflection", align_corners=False)


def _around(count: int, random: torch.Generator) -> Tensor:
    """(count,), uniform in [-1, 1)."""
    return 2 * torch.rand(count, generator=random) - 1
