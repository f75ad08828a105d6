"""Outlines of made-up layers as functions of position: rounded, bent polygons, thin bars and rings.

Axes: B pairs, K layers, E edges, P points. Positions are px from the frame's middle, x then y.
"""

import math
from dataclasses import dataclass

import torch
from torch import Tensor

_EDGES = 5
_BAR = (0.0, math.pi / 2, math.pi, 1.5 * math.pi, 0.0)  # edges of thin bars: random ones would make wedges of them
_EVERYWHERE_PX = 1e4
_FILLED_PX = 1e4
_SOFTEST_PX = 3.0


@dataclass(frozen=True, slots=True)
class Shapes:
    """Outlines in the first frame. Layer 0 covers everything."""

    centre: Tensor  # (B, K, 2), px
    along: Tensor  # (B, K, 2), unit vector of the longer axis
    length: Tensor  # (B, K), half of it, px
    bend: Tensor  # (B, K), 1 / px: offset across the axis = bend * (distance along it) ** 2
    normals: Tensor  # (B, K, E, 2), in axes of the shape
    offsets: Tensor  # (B, K, E), px
    rounding: Tensor  # (B, K), px
    ring: Tensor  # (B, K), px: half the breadth of an outline that is hollow; very large where it is filled
    softness: Tensor  # (B, K), px over which the layer fades in

    def coverage(self, points: Tensor) -> Tensor:
        """Share of the layer at points of the first frame, (B, K, 2, P) -> (B, K, P), in [0, 1]; half at the edge."""
        x, y = (points - self.centre[..., None]).unbind(2)
        cos, sin = self.along.unbind(2)
        u = cos[..., None] * x + sin[..., None] * y
        v = cos[..., None] * y - sin[..., None] * x
        v = v - self.bend[..., None] * u.square()
        rounding = self.rounding[..., None]
        places = torch.stack([u, v], dim=2).flatten(0, 1)
        beyond = torch.baddbmm((rounding - self.offsets).flatten(0, 1)[..., None], self.normals.flatten(0, 1), places)
        outside = beyond.clamp_(min=0).square_().sum(dim=1).sqrt_().unflatten(0, u.shape[:2])
        # Deeper inside than `rounding` all is equally far: enough, as `softness` and `ring` are smaller.
        distance = outside - rounding
        ring = self.ring[..., None]
        distance = torch.where(ring < _FILLED_PX, (distance + ring).abs_() - ring, distance)
        return (0.5 - distance / self.softness[..., None]).clamp_(0, 1)


def draw_shapes(batch: int, layers: int, side_px: float, generator: torch.Generator) -> Shapes:
    """Outlines for frames of about `side_px`; every third is a thin bar, every eighth hollow.

    Args:
        batch: Number of pairs.
        layers: Number of layers, with the one that covers all.
        side_px: Decides sizes and places.
        generator: On the CPU; decides all.
    """

    def uniform(*shape: int) -> Tensor:
        return torch.rand(batch, layers, *shape, generator=generator)

    angle = 2 * math.pi * uniform()
    thin = uniform() < 0.33
    length = side_px * torch.where(thin, 0.12 + 0.35 * uniform(), 0.05 + 0.3 * uniform())
    breadth = torch.where(thin, 1 + 0.035 * side_px * uniform() ** 2, length * (0.3 + 0.7 * uniform()))
    directions = 2 * math.pi * (torch.arange(_EDGES) + 0.7 * uniform(_EDGES)) / _EDGES
    straight = torch.tensor(_BAR) + 0.1 * (uniform(_EDGES) - 0.5)
    directions = torch.where(thin[..., None], straight, directions)
    normals = torch.stack([directions.cos(), directions.sin()], dim=-1)
    support = ((length[..., None] * normals[..., 0]).square() + (breadth[..., None] * normals[..., 1]).square()).sqrt()
    offsets = support * (0.75 + 0.25 * uniform(_EDGES))
    offsets[:, 0] = _EVERYWHERE_PX
    rounding = (breadth * uniform()).clamp(min=_SOFTEST_PX / 2)
    hollow = (uniform() < 0.12) & (rounding > 2 * _SOFTEST_PX)
    return Shapes(
        centre=side_px * 1.1 * (uniform(2) - 0.5),
        along=torch.stack([angle.cos(), angle.sin()], dim=-1),
        length=length,
        bend=torch.where(thin, 0.6, 0.3) * (uniform() - 0.5) / length,
        normals=normals,
        offsets=offsets,
        rounding=rounding,
        ring=torch.where(hollow, 0.2 * rounding, 2 * _FILLED_PX),
        softness=1 + (_SOFTEST_PX - 1) * uniform() ** 3,
    )
