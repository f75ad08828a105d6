"""Textures for made-up pairs: noise of several octaves, edges, stripes, gradients, and two photographs.

The photographs are those that scikit-learn carries (china.jpg and flower.jpg, CC BY 2.0).
"""

import math
from functools import cache
from importlib.resources import files

import simplejpeg
import torch
from torch import Tensor
from torch.nn import functional

SIDE_PX = 160
_KINDS = 5
_PHOTOGRAPHS = ("china.jpg", "flower.jpg")


def draw_textures(count: int, generator: torch.Generator) -> Tensor:
    """Textures in equal shares of each kind.

    Args:
        count: How many.
        generator: On the CPU; decides all.

    Returns:
        (count, 3, SIDE_PX, SIDE_PX), float32 in [0, 1].
    """
    makers = (_noise, _edges, _stripes, _gradients, _photographs)
    shares = [len(range(kind, count, _KINDS)) for kind in range(_KINDS)]
    made = torch.cat([make(share, generator) for make, share in zip(makers, shares, strict=True)])
    return made[torch.randperm(count, generator=generator)]


def _noise(count: int, generator: torch.Generator) -> Tensor:
    """Octaves of noise in colours."""
    return _coloured(_octaves(count, 3, generator), generator)


def _edges(count: int, generator: torch.Generator) -> Tensor:
    """Flat areas of 2 to 5 tones with sharp borders."""
    tones = torch.randint(2, 6, (count, 1, 1, 1), generator=generator)
    smooth = _stretched(_octaves(count, 1, generator, coarsest_only=True))
    index = (smooth * tones).floor().clamp(max=4).long().expand(-1, 3, -1, -1)
    palette = torch.rand(count, 3, 5, generator=generator)
    flat = palette.gather(2, index.flatten(2)).reshape(count, 3, SIDE_PX, SIDE_PX)
    grain = torch.rand(count, 1, 1, 1, generator=generator) ** 2 * 0.1
    return (flat + grain * _octaves(count, 3, generator)).clamp(0, 1)


def _stripes(count: int, generator: torch.Generator) -> Tensor:
    """Bent stripes of two colours, soft or sharp, of 4 to 40 px."""
    y, x = torch.meshgrid(torch.arange(SIDE_PX), torch.arange(SIDE_PX), indexing="ij")
    angle, size, sharp = torch.rand(3, count, 1, 1, 1, generator=generator)
    direction, period_px = angle * math.pi, 4 * 10**size
    bend = 3 * _octaves(count, 1, generator, coarsest_only=True)
    along = (x * direction.cos() + y * direction.sin()) * (2 * math.pi / period_px)
    share = torch.sigmoid((along + bend).sin() * 2 * 20**sharp)
    one, two = torch.rand(2, count, 3, 1, 1, generator=generator)
    return (one * share + two * (1 - share) + 0.05 * _octaves(count, 3, generator)).clamp(0, 1)


def _gradients(count: int, generator: torch.Generator) -> Tensor:
    """Hardly anything to hold on to: one colour that fades into another."""
    y, x = torch.meshgrid(*[torch.linspace(-1, 1, SIDE_PX)] * 2, indexing="ij")
    slope = 0.2 * torch.randn(2, count, 3, 1, 1, generator=generator)
    grain = torch.rand(count, 1, 1, 1, generator=generator) ** 2 * 0.1
    middle = torch.rand(count, 3, 1, 1, generator=generator)
    return (middle + slope[0] * x + slope[1] * y + grain * _octaves(count, 3, generator)).clamp(0, 1)


def _photographs(count: int, generator: torch.Generator) -> Tensor:
    """Square cuts of the photographs, of 160 px or more, turned or mirrored."""
    pictures = [_photograph(name) for name in _PHOTOGRAPHS]
    cuts = [_cut(pictures[i % len(pictures)], generator) for i in range(count)]
    return torch.cat(cuts) if cuts else torch.empty(0, 3, SIDE_PX, SIDE_PX)


def _cut(picture: Tensor, generator: torch.Generator) -> Tensor:
    height, width = picture.shape[-2:]
    side = int(torch.randint(SIDE_PX, min(height, width) + 1, (), generator=generator))
    top = int(torch.randint(height - side + 1, (), generator=generator))
    left = int(torch.randint(width - side + 1, (), generator=generator))
    turns, mirrored = torch.randint(4, (2,), generator=generator).tolist()
    square = picture[None, :, top : top + side, left : left + side]
    square = functional.interpolate(square, (SIDE_PX, SIDE_PX), mode="area").rot90(turns, (2, 3))
    return square.flip(3) if mirrored % 2 else square


@cache
def _photograph(name: str) -> Tensor:
    """(3, H, W) in [0, 1]."""
    content = files("sklearn.datasets.images").joinpath(name).read_bytes()
    return torch.from_numpy(simplejpeg.decode_jpeg(content)).permute(2, 0, 1).float() / 255


def _octaves(count: int, channels: int, generator: torch.Generator, *, coarsest_only: bool = False) -> Tensor:
    """Sum of noises from coarse to fine, unit deviation, (count, channels, SIDE_PX, SIDE_PX)."""
    roughness = torch.rand(count, 1, 1, 1, generator=generator)
    total = torch.zeros(count, channels, SIDE_PX, SIDE_PX)
    for octave in range(2 if coarsest_only else 6):
        cells = SIDE_PX // 40 * 2**octave
        noise = torch.randn(count, channels, cells, cells, generator=generator)
        weight = (0.35 + 0.6 * roughness) ** octave
        total += weight * functional.interpolate(noise, (SIDE_PX, SIDE_PX), mode="bicubic", align_corners=False)
    return total / total.std(dim=(1, 2, 3), keepdim=True)


def _coloured(noise: Tensor, generator: torch.Generator) -> Tensor:
    """Three channels of noise as colours around a random one, more or less grey."""
    middle = torch.rand(len(noise), 3, 1, 1, generator=generator)
    contrast = 0.08 + 0.25 * torch.rand(len(noise), 1, 1, 1, generator=generator)
    greyness = torch.rand(len(noise), 1, 1, 1, generator=generator)
    mixed = greyness * noise.mean(dim=1, keepdim=True) + (1 - greyness) * noise
    return (middle + contrast * mixed).clamp(0, 1)


def _stretched(values: Tensor) -> Tensor:
    """Each sample to [0, 1]."""
    low, high = values.amin(dim=(1, 2, 3), keepdim=True), values.amax(dim=(1, 2, 3), keepdim=True)
    return (values - low) / (high - low)
