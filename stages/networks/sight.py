"""What a separator sees of a clip: pictures, and the motion of the square that they show, at their zoom and hand.

Axes: P frames of a clip, V steps, C channels (2: displacement to the right and down; 1: how much changes), h x w cells
of the whole frame, X cells of the square's side.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import ceil
from typing import Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from stages.networks.film import visual_times_s
from stages.networks.frames import Square, cut, draw_square, which_frames
from stages.params import Clip
from stages.separators import Appearance, Motion


class Pictures(Protocol):
    """Where frames come from; `stages.shards.reader.ClipReader` is one."""

    def num_frames(self, clip_id: str) -> int:
        """How many frames a clip has."""
        ...

    def frames(self, clip_id: str, indices: Sequence[int]) -> list[NDArray[np.uint8]]:
        """RGB frames, each (H, W, 3)."""
        ...


@dataclass(frozen=True, slots=True)
class Field:
    """Motion of a clip over its whole frame."""

    values: Tensor  # (V, C, h, w), float32; displacements in px
    cell_px: tuple[float, float]  # height and width of a cell


@dataclass(frozen=True, slots=True)
class Framing:
    """Zoom and shift of a picture beyond its square: the side shown, and its centre (x, y) in halves of the square."""

    side: float
    centre: tuple[float, float]


WHOLE = Framing(1.0, (0.0, 0.0))


@dataclass(frozen=True, slots=True)
class MotionWindows:
    """Gives what a model's `motion` section asks for; `fields` None: nothing."""

    motion: Motion
    clip: Clip
    fields: Callable[[str], Field] | None

    def see(self, clip_id: str, square: Square, framing: Framing = WHOLE) -> Tensor | None:
        """(C, V, X, X): zeros after the end of a clip that is shorter than others."""
        if self.fields is None:
            return None
        seen = shown(self.fields(clip_id), square, self.motion.side_cells, framing)
        num = num_moments(self.motion, self.clip)
        whole = functional.pad(seen[:num], (0, 0) * 3 + (0, num - min(num, len(seen))))
        return whole.unflatten(0, (-1, self.motion.average_steps)).mean(dim=1).transpose(0, 1)


def look(
    pictures: Pictures,
    clip_id: str,
    appearance: Appearance,
    windows: MotionWindows | None,
    random: torch.Generator | None,
) -> tuple[Tensor, Square]:
    """Network input (P, 3, crop_px, crop_px) of a clip, and the square that it shows.

    Frames and square are drawn at random, or are the middle ones without a generator; a model that sees motion looks at
    the first frame (Zhao et al. 2019, section 3.1).
    """
    frames = pictures.frames(clip_id, shown_frames(pictures, clip_id, appearance, windows, random))
    height, width = frames[0].shape[:2]
    square = draw_square(height, width, appearance.crop_px, random)
    return cut(frames, square, appearance.crop_px), square


def shown_frames(
    pictures: Pictures,
    clip_id: str,
    appearance: Appearance,
    windows: MotionWindows | None,
    random: torch.Generator | None,
) -> list[int]:
    """Indices of the frames that `look` shows."""
    if windows is not None:
        return [0]
    return which_frames(pictures.num_frames(clip_id), appearance.num_frames, appearance.frame_stride, random)


def central(
    pictures: Pictures, clip_ids: Sequence[str], appearance: Appearance, windows: MotionWindows | None
) -> tuple[Tensor, Tensor | None]:
    """Frames (N, P, 3, H, W) and motion (N, C, V, X, X), if any, of clips as they are shown outside of training."""
    looks = [look(pictures, clip_id, appearance, windows, None) for clip_id in clip_ids]
    frames = torch.stack([frames for frames, _ in looks])
    if windows is None:
        return frames, None
    return frames, stacked([windows.see(name, square) for name, (_, square) in zip(clip_ids, looks, strict=True)])


def stacked(parts: Sequence[Tensor | None]) -> Tensor | None:
    """Along a new first axis; None where there is nothing."""
    given = [part for part in parts if part is not None]
    return torch.stack(given) if given else None


def num_moments(motion: Motion, clip: Clip) -> int:
    """How many values of the source a clip has, cut to whole steps: pictures, or pairs of frames."""
    num = ceil(clip.duration_s * motion.rate_hz - 1e-9)
    num = num if motion.input == "difference" else num - 1
    return num // motion.average_steps * motion.average_steps


def times_s(motion: Motion, clip: Clip) -> Tensor:
    """Times of the steps, (V,), each the middle between the pictures it compares; (1,) without motion.

    Difference k of `decode` looks back from picture k, flow k ahead from frame k.
    """
    if motion.input == "none":
        return torch.zeros(1, dtype=torch.float64)
    first_s = (-0.5 if motion.input == "difference" else 0.5) / motion.rate_hz
    steps = num_moments(motion, clip) // motion.average_steps
    return visual_times_s(steps, first_s=first_s, rate_hz=motion.rate_hz, average_steps=motion.average_steps)


def shown(field: Field, square: Square, side_cells: int, framing: Framing) -> Tensor:
    """Motion (V, C, X, X) of the square of a frame, mirrored, zoomed and shifted as its picture is.

    Displacements come out relative to the side shown, so that a picture twice as large moves alike. Beyond the square's
    edge lies its mirror image, in which things move the other way, too.
    """
    middles = (torch.arange(side_cells) + 0.5) / side_cells * 2 - 1
    (x, hand_x), (y, hand_y) = (_mirrored(framing.side * middles + centre) for centre in framing.centre)
    if square.flipped:
        x, hand_x = -x, -hand_x
    height, width = (cells * size for cells, size in zip(field.values.shape[-2:], field.cell_px, strict=True))
    across = (2 * square.left + (x + 1) * square.side) / width - 1
    down = (2 * square.top + (y + 1) * square.side) / height - 1
    places = torch.stack([across[None, :].expand(side_cells, -1), down[:, None].expand(-1, side_cells)], dim=-1)
    places = places.expand(len(field.values), -1, -1, -1)
    found = functional.grid_sample(field.values, places, padding_mode="border", align_corners=False)
    if found.shape[1] == 1:
        return found
    hands = torch.stack([hand_x[None, :].expand(side_cells, -1), hand_y[:, None].expand(-1, side_cells)])
    return found * hands / (square.side * framing.side)


def _mirrored(place: Tensor) -> tuple[Tensor, Tensor]:
    """Places folded into [-1, 1], and -1 where they were mirrored once."""
    wave = (place - 1).remainder(4) - 2
    return wave.abs() - 1, torch.where(wave < 0, -1.0, 1.0)
