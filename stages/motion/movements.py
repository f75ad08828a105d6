"""How made-up layers move between two frames: an affine map after a smooth one, and back.

Axes: B pairs, K layers, J waves, P points. Positions are px from the frame's middle, x then y.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from stages.motion.shapes import Shapes

_WAVES = 2
_STEEPEST = 0.1  # of one wave: displacement may change by so many px a px, so that the map stays one to one
_CAMERA = 0.3  # of a layer's turn and stretch
_ITERATIONS = 6  # each leaves at most _WAVES * _STEEPEST of the error


@dataclass(frozen=True, slots=True)
class Difficulty:
    """How far a pair's layers may move, and how many there are."""

    layers: int  # with the background
    resting: float  # share of layers that don't move by themselves
    still: float  # share of cameras that don't move
    shift_px: float
    turn_rad: float
    stretch: float  # as a share of the size
    wave_px: float


@dataclass(frozen=True, slots=True)
class Movements:
    """From y in the second frame to `inverse (y - shift)`, plus waves, in the first."""

    linear: Tensor  # (B, K, 2, 2), from the first frame to the second
    shift: Tensor  # (B, K, 2), px
    amplitude: Tensor  # (B, K, J, 2), px
    frequency: Tensor  # (B, K, J, 2), rad / px
    phase: Tensor  # (B, K, J)

    def back(self, points: Tensor) -> Tensor:
        """Where each layer's points of the second frame stood in the first, (B, 1 or K, 2, P) -> (B, K, 2, P)."""
        straight = torch.linalg.inv(self.linear) @ (points - self.shift[..., None])
        return straight + self._waves(points)

    def forth(self, points: Tensor, owner: Tensor) -> Tensor:
        """Where points of the first frame go with the layers that own them, (B, 2, P) and (B, P) -> (B, 2, P).

        Solves `back(y) = x` by y = linear (x - waves(y)) + shift, a contraction.
        """
        linear, shift = _of(self.linear, owner), _of(self.shift, owner)
        amplitude, frequency, phase = (_of(value, owner) for value in (self.amplitude, self.frequency, self.phase))
        there = _moved(points, linear, shift)
        for _ in range(_ITERATIONS if bool((amplitude != 0).any()) else 0):
            angle = (frequency * there[:, None]).sum(dim=2) + phase
            displaced = (amplitude * angle.sin_()[:, :, None]).sum(dim=1)
            there = _moved(points - displaced, linear, shift)
        return there

    def _waves(self, points: Tensor) -> Tensor:
        """Smooth displacement at points of the second frame, (..., 2, P) -> (..., 2, P)."""
        angle = self.frequency @ points + self.phase[..., None]
        return self.amplitude.transpose(-1, -2) @ angle.sin_()


def draw_movements(shapes: Shapes, difficulty: Difficulty, side_px: float, generator: torch.Generator) -> Movements:
    """Motion of each layer about a place on its axis, upon the camera's; some layers rest, some cameras too.

    Args:
        shapes: What moves.
        difficulty: Bounds; small motions are frequent within them.
        side_px: Of the frames, for the length of waves.
        generator: On the CPU; decides all.
    """
    batch, layers = shapes.length.shape

    def signed(*shape: int) -> Tensor:
        return 2 * torch.rand(batch, layers, *shape, generator=generator) - 1

    lively = (signed() > 2 * difficulty.resting - 1).float()
    lively[:, 0] = 0  # the background moves with the camera
    pivot = shapes.centre + shapes.along * (shapes.length * signed())[..., None]
    linear, shift = _affine(pivot, lively, difficulty, signed)
    filming = (signed() > 2 * difficulty.still - 1).float()
    camera, pan = _affine(torch.zeros_like(pivot), filming, _calmer(difficulty), signed)
    camera, pan = camera[:, :1], pan[:, :1]
    waving = (signed() > 0.4).float()[..., None]
    length_px = side_px * (0.3 + 1.2 * signed(_WAVES).abs())
    direction, heading = (math.pi * signed(2, _WAVES)).unbind(2)
    steepness = 2 * math.pi / length_px
    reach = torch.minimum(difficulty.wave_px * signed(_WAVES).abs(), _STEEPEST / steepness) * waving
    return Movements(
        linear=camera @ linear,
        shift=(camera @ shift[..., None])[..., 0] + pan,
        amplitude=reach[..., None] * torch.stack([heading.cos(), heading.sin()], dim=-1),
        frequency=steepness[..., None] * torch.stack([direction.cos(), direction.sin()], dim=-1),
        phase=math.pi * signed(_WAVES),
    )


def _calmer(difficulty: Difficulty) -> Difficulty:
    """Of a camera: what turns about the middle of the frame goes far at its edges."""
    return replace(difficulty, turn_rad=_CAMERA * difficulty.turn_rad, stretch=_CAMERA * difficulty.stretch)


def _affine(
    pivot: Tensor, lively: Tensor, difficulty: Difficulty, signed: Callable[[], Tensor]
) -> tuple[Tensor, Tensor]:
    """Turn, stretch and shear about a pivot, then a shift; nothing where `lively` is 0."""

    def small(bound: float) -> Tensor:
        return bound * signed() * lively

    turn, shear = small(difficulty.turn_rad), small(difficulty.stretch)
    wide, high = 1 + small(difficulty.stretch), 1 + small(difficulty.stretch)
    cos, sin = turn.cos(), turn.sin()
    rows = [cos * wide, shear - sin * high, sin * wide, cos * high]
    linear = torch.stack(rows, dim=-1).unflatten(-1, (2, 2))
    direction, distance = math.pi * signed(), small(difficulty.shift_px)
    shift = distance[..., None] * torch.stack([direction.cos(), direction.sin()], dim=-1)
    return linear, pivot - (linear @ pivot[..., None])[..., 0] + shift


def _of(values: Tensor, owner: Tensor) -> Tensor:
    """Values of the layer that owns each point, (B, K, ...) and (B, P) -> (B, ..., P)."""
    flat = values.flatten(2).transpose(1, 2)
    index = owner[:, None].expand(-1, flat.shape[1], -1)
    return flat.gather(2, index).unflatten(1, values.shape[2:])


def _moved(points: Tensor, linear: Tensor, shift: Tensor) -> Tensor:
    """Points (B, 2, P) by a map of their own each, (B, 2, 2, P) and (B, 2, P)."""
    return linear[:, :, 0] * points[:, :1] + linear[:, :, 1] * points[:, 1:] + shift
