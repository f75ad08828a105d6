"""Made-up pairs of frames with exact flow: textured layers that move, in other light, blurred and noisy.

Axes: B pairs, K layers (later ones in front), H x W pixels, P = H W points. All truth is computed from the layers'
outlines and movements as functions of position, none from the drawn frames.
"""

import math
from dataclasses import dataclass, fields
from typing import TypeVar

import torch
from torch import Tensor
from torch.nn import functional

from stages.motion.movements import Difficulty, Movements, draw_movements
from stages.motion.shapes import Shapes, draw_shapes
from stages.motion.textures import SIDE_PX

_BLURRED = 0.25  # of the batches
_SHUTTER = 0.25  # of the time between frames, to either side of a frame's own
_Record = TypeVar("_Record", Shapes, Movements)


@dataclass(frozen=True, slots=True)
class Pairs:
    """Two frames and the truth about every pixel of the first."""

    first: Tensor  # (B, 3, H, W), RGB in [0, 1]
    second: Tensor
    flow: Tensor  # (B, 2, H, W), px, u (right) and v (down), occluded pixels too
    seen: Tensor  # (B, 1, H, W), bool: no other layer lies over it in the second frame
    inside: Tensor  # (B, 1, H, W), bool: it stays within the second frame


@dataclass(frozen=True, slots=True)
class _Paint:
    """What each layer's surface looks like."""

    textures: Tensor  # (B * K, 3, S, S)
    to_texture: Tensor  # (B * K, 2, 2), px of the frame to half sides of the texture
    offset: Tensor  # (B * K, 2)
    gain: Tensor  # (B, K, 3, 1)
    bias: Tensor  # (B, K, 3, 1)

    def colours(self, points: Tensor) -> Tensor:
        """Colours of surfaces at points of the first frame, (B, K, 2, P) -> (B, K, 3, P)."""
        batch, layers = points.shape[:2]
        places = self.to_texture @ points.flatten(0, 1) + self.offset[..., None]
        grid = places.transpose(1, 2)[:, None]
        sampled = functional.grid_sample(self.textures, grid, padding_mode="reflection", align_corners=False)
        return sampled[:, :, 0].unflatten(0, (batch, layers)) * self.gain + self.bias


def draw_pairs(textures: Tensor, difficulty: Difficulty, batch: int, side_px: int, generator: torch.Generator) -> Pairs:
    """Draw scenes and give both orders of their two frames, the reversed ones last, on the device of `textures`.

    Args:
        textures: (N, 3, S, S) in [0, 1], see `draw_textures`.
        difficulty: Number of layers, and how far they move.
        batch: Number of scenes; each gives two pairs.
        side_px: Height and width of frames.
        generator: On the CPU; decides all but the noise of a GPU, whose seed it gives.
    """
    device = textures.device
    shapes = draw_shapes(batch, difficulty.layers, side_px, generator)
    movements = _on(draw_movements(shapes, difficulty, side_px, generator), device)
    shapes = _on(shapes, device)
    paint = _draw_paint(textures, batch, difficulty.layers, generator)
    points = _points(side_px, device)
    before = movements.back(points)
    blurred = bool(torch.rand((), generator=generator) < _BLURRED)
    times = (-_SHUTTER, 0.0, _SHUTTER) if blurred else (0.0,)
    first, second = (
        torch.stack([_composed(shapes, paint, points + (start + time) * (before - points)) for time in times]).mean(
            dim=0
        )
        for start in (0.0, 1.0)
    )
    truths = _forth(shapes, movements, points), _back(shapes, movements, points)
    flow, seen = (torch.cat(values).unflatten(-1, (side_px, side_px)) for values in zip(*truths, strict=True))
    inside = ((flow.flatten(2) + points[:, 0]).abs() <= (side_px - 1) / 2).all(dim=1).reshape(seen.shape)
    lit = _developed(first.unflatten(-1, (side_px, side_px)), second.unflatten(-1, (side_px, side_px)), generator)
    return Pairs(torch.cat(lit), torch.cat(lit[::-1]), flow, seen[:, None], inside[:, None])


def _forth(shapes: Shapes, movements: Movements, points: Tensor) -> tuple[Tensor, Tensor]:
    """Flow (B, 2, P) of the first frame's points to the second frame, and which are seen there, (B, P)."""
    batch, layers = shapes.length.shape
    owner = _front(shapes.coverage(points.expand(batch, layers, -1, -1)))
    there = movements.forth(points[:, 0].expand(batch, -1, -1), owner)
    return there - points[:, 0], _front(shapes.coverage(movements.back(there[:, None]))) == owner


def _back(shapes: Shapes, movements: Movements, points: Tensor) -> tuple[Tensor, Tensor]:
    """Flow (B, 2, P) of the second frame's points to the first frame, and which are seen there, (B, P)."""
    layers = movements.back(points)
    owner = _front(shapes.coverage(layers))
    there = layers.gather(1, owner[:, None, None].expand(-1, 1, 2, -1))
    covered = _front(shapes.coverage(there.expand_as(layers)))
    return there[:, 0] - points[:, 0], covered == owner


def _points(side_px: int, device: torch.device) -> Tensor:
    """Pixels' centres, (1, 1, 2, P), px from the middle."""
    steps = torch.arange(side_px, device=device) - (side_px - 1) / 2
    y, x = torch.meshgrid(steps, steps, indexing="ij")
    return torch.stack([x.flatten(), y.flatten()])[None, None]


def _front(coverage: Tensor) -> Tensor:
    """Number of the foremost layer that covers at least half of each point, (B, K, P) -> (B, P)."""
    numbers = torch.arange(coverage.shape[1], device=coverage.device)[:, None]
    return torch.where(coverage >= 0.5, numbers, 0).amax(dim=1)


def _composed(shapes: Shapes, paint: _Paint, points: Tensor) -> Tensor:
    """The layers over each other, (B, K, 2, P) points of the first frame -> (B, 3, P)."""
    colours, coverage = paint.colours(points), shapes.coverage(points)[:, :, None]
    picture = colours[:, 0]
    for layer in range(1, points.shape[1]):
        picture = torch.lerp(picture, colours[:, layer], coverage[:, layer])
    return picture


def _draw_paint(textures: Tensor, batch: int, layers: int, generator: torch.Generator) -> _Paint:
    """A texture for each layer, at any angle, 0.4 to 1.2 of its px a px of the frame, in changed colours."""
    count, device = batch * layers, textures.device
    chosen = torch.randint(len(textures), (count,), generator=generator)
    angle, zoom, mirrored = torch.rand(3, count, generator=generator)
    angle, zoom = 2 * math.pi * angle, 0.4 * 3**zoom * (2 / SIDE_PX)
    rows = torch.stack([angle.cos(), -angle.sin(), angle.sin(), angle.cos()], dim=-1).unflatten(-1, (2, 2))
    rows[:, 0] *= (mirrored.round() * 2 - 1)[:, None]
    offset = torch.rand(count, 2, generator=generator) * 2 - 1
    gain = 0.6 + 0.8 * torch.rand(batch, layers, 3, 1, generator=generator)
    bias = 0.3 * (torch.rand(batch, layers, 3, 1, generator=generator) - 0.5) + 0.5 * (1 - gain)
    return _Paint(
        textures[chosen.to(device)],
        (zoom[:, None, None] * rows).to(device),
        *(v.to(device) for v in (offset, gain, bias)),
    )


def _developed(first: Tensor, second: Tensor, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """Light that differs a little between the frames of a pair, a lens that may be soft, noise."""
    batch, device = len(first), first.device

    def uniform(channels: int) -> Tensor:
        return torch.rand(batch, channels, 1, 1, generator=generator).to(device)

    soft, noise = (uniform(1) - 0.5).clamp(min=0), 0.04 * uniform(1) ** 3
    grain = torch.Generator(device).manual_seed(int(torch.randint(2**31, (), generator=generator)))
    developed: list[Tensor] = []
    for frame in (first, second):
        blurred = torch.lerp(frame, functional.avg_pool2d(frame, 3, 1, 1, count_include_pad=False), soft)
        gain, bias = 1 + 0.1 * (uniform(3) - 0.5) * uniform(1), 0.06 * (uniform(1) - 0.5) * uniform(1)
        noisy = blurred * gain + bias + noise * torch.randn(frame.shape, generator=grain, device=device)
        developed.append(noisy.clamp(0, 1))
    return developed[0], developed[1]


def _on(record: _Record, device: torch.device) -> _Record:
    return type(record)(*(getattr(record, field.name).to(device) for field in fields(record)))
