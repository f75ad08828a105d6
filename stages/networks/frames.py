"""From a clip's stored frames to the appearance network's input. Axes: P frames, H x W pixels."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

# Mean and deviation of ImageNet's RGB values in [0, 1], so that a ResNet trained elsewhere could be dropped in.
_MEAN = torch.tensor([0.485, 0.456, 0.406])[:, None, None]
_DEVIATION = torch.tensor([0.229, 0.224, 0.225])[:, None, None]
_ZOOM = 1.1  # a random crop shows 1 / 1.1 of the shorter side (246 of 224 px in the reference code)


def which_frames(num_frames: int, num: int, stride: int, generator: torch.Generator | None) -> list[int]:
    """Indices of `num` frames, `stride` apart (closer in a clip too short for that), within [0, num_frames).

    The group starts at random with a generator and is centred without one.
    """
    if num > num_frames:
        raise ValueError(
            f"appearance.num_frames: {num} frames wanted from a clip of {num_frames}; lower num_frames, or raise "
            f"clip.duration_s or clip.frame_rate_hz in params.yaml"
        )
    if num > 1:
        stride = min(stride, (num_frames - 1) // (num - 1))
    free = num_frames - (num - 1) * stride
    start = _draw(free, generator)
    return [start + position * stride for position in range(num)]


@dataclass(frozen=True, slots=True)
class Square:
    """What of a frame is shown, px; `flipped`: as in a mirror."""

    top: int
    left: int
    side: int
    flipped: bool


def to_input(frames: Sequence[NDArray[np.uint8]], crop_px: int, *, generator: torch.Generator | None) -> Tensor:
    """Crop, scale and normalise RGB frames (H, W, 3) of one clip to (P, 3, crop_px, crop_px).

    With a generator: one random square, 1/1.1 of the shorter side, and one flip for all frames (Zhao et al. 2018,
    section 4.2). Without: the central square.
    """
    height, width = frames[0].shape[:2]
    return cut(frames, draw_square(height, width, crop_px, generator), crop_px)


def draw_square(height: int, width: int, crop_px: int, generator: torch.Generator | None) -> Square:
    """The square of a frame that is shown: random, or the central one without a generator."""
    if min(height, width) < crop_px:
        raise ValueError(
            f"appearance.crop_px: frames of {width} x {height} px are smaller than the crop of {crop_px} px; lower "
            f"crop_px or raise clip.frame_side_px in params.yaml"
        )
    side = min(height, width) if generator is None else max(crop_px, round(min(height, width) / _ZOOM))
    top, left = _draw(height - side + 1, generator), _draw(width - side + 1, generator)
    return Square(top, left, side, flipped=generator is not None and bool(_draw(2, generator)))


def cut(frames: Sequence[NDArray[np.uint8]], square: Square, crop_px: int) -> Tensor:
    """The square of RGB frames (H, W, 3), scaled and normalised, (P, 3, crop_px, crop_px)."""
    rows, columns = (slice(start, start + square.side) for start in (square.top, square.left))
    squares = np.stack([frame[rows, columns] for frame in frames])
    if square.flipped:
        squares = squares[:, :, ::-1]
    return _normalise(torch.from_numpy(np.ascontiguousarray(squares)).permute(0, 3, 1, 2), crop_px)


def _draw(count: int, generator: torch.Generator | None) -> int:
    """An index below `count`: random, or the middle one."""
    return (count - 1) // 2 if generator is None else int(torch.randint(count, (), generator=generator))


def _normalise(images: Tensor, side_px: int) -> Tensor:
    """Uint8 (P, 3, X, X) -> float32 (P, 3, side_px, side_px) with about zero mean and unit deviation."""
    scaled = functional.interpolate(images, size=(side_px, side_px), mode="bilinear", antialias=True)
    return (scaled.float() / 255 - _MEAN) / _DEVIATION
