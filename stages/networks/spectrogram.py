"""Audio network (AAN; Zhao et al. 2018, section 3.1): a U-Net that splits a mixture's spectrogram into K maps.

Axes: B mixtures, K channels, R log-frequency rows, T spectrogram frames.
"""

from collections.abc import Sequence
from contextlib import nullcontext

import torch
from torch import Tensor, nn
from torch.nn import functional

# Silence would be -inf after the logarithm; 1e-5 lies below the rounding noise of 16-bit sound in any bin.
_QUIETEST = 1e-5
WIDEST = 8  # channel counts double at each level up to this multiple of base_channels


class AudioNetwork(nn.Module):
    """Each level halves both axes (4x4, stride 2) and doubles them again (bilinear, 3x3), with a skip connection."""

    def __init__(self, channels: int, *, levels: int, base_channels: int) -> None:
        super().__init__()
        widths = [base_channels * min(2**level, WIDEST) for level in range(levels)]
        self.stride = 2**levels
        self.norm = nn.BatchNorm2d(1)
        self.down = nn.ModuleList(down_level(level, [1, *widths]) for level in range(levels))
        self.up = nn.ModuleList(_up(level, [channels, *widths]) for level in reversed(range(levels)))

    def forward(self, mixture_magnitude: Tensor) -> Tensor:
        """Maps (B, K, R, T) of magnitudes (B, 1, R, T) >= 0; no activation.

        R and T of any size: the normalised input is padded with its mean, zero, to the next multiple of 2^levels.
        """
        rows, frames = mixture_magnitude.shape[-2:]
        x = self.norm(log_levels(mixture_magnitude))
        x = functional.pad(x, (0, -frames % self.stride, 0, -rows % self.stride))
        skips: list[Tensor] = []
        for down in self.down:
            x = down(x)
            skips.append(x)
        x = self.up[0](skips.pop())
        for up in list(self.up)[1:]:
            x = up(torch.cat([skips.pop(), x], dim=1))
        return x[..., :rows, :frames]


class Enlarge(nn.Module):
    """Bilinear, by whole factors over rows and steps, in the precision that comes in.

    torch.autocast would enlarge in fp32 on CPUs, and convert there and back the largest maps that there are.
    """

    def __init__(self, factors: tuple[int, int], *, corners: bool) -> None:
        super().__init__()
        self._factors, self._corners = factors, corners

    def forward(self, maps: Tensor) -> Tensor:
        """(B, C, r, a) -> (B, C, r factor, a factor)."""
        size = [side * factor for side, factor in zip(maps.shape[-2:], self._factors, strict=True)]
        kind = maps.device.type
        with torch.autocast(kind, enabled=False) if torch.amp.is_autocast_available(kind) else nullcontext():
            return functional.interpolate(maps, size, mode="bilinear", align_corners=self._corners)


def log_levels(magnitude: Tensor) -> Tensor:
    """Logarithm of magnitudes >= 0, same shape; finite for silence, too."""
    return magnitude.clamp_min(_QUIETEST).log()


def down_level(level: int, widths: Sequence[int], time_stride: int = 2) -> nn.Sequential:
    """The half of a U-Net's level that makes maps smaller: half the rows, and 1 / `time_stride` of the steps.

    Level 0 sees the input as it is; the innermost level has no norm, since its map may be a single cell.
    """
    layers: list[nn.Module] = [] if level == 0 else [nn.LeakyReLU(0.2)]
    size, stride = (4, 2 + time_stride), (2, time_stride)
    layers.append(nn.Conv2d(widths[level], widths[level + 1], size, stride, padding=1, bias=False))
    if 0 < level < len(widths) - 2:
        layers.append(nn.BatchNorm2d(widths[level + 1]))
    return nn.Sequential(*layers)


def _up(level: int, widths: list[int]) -> nn.Sequential:
    """All levels but the innermost receive their skip beside the map from below; level 0 ends with a bias, no norm."""
    innermost = level == len(widths) - 2
    inputs = widths[level + 1] * (1 if innermost else 2)
    layers: list[nn.Module] = [
        nn.ReLU(),
        Enlarge((2, 2), corners=True),
        nn.Conv2d(inputs, widths[level], 3, padding=1, bias=level == 0),
    ]
    if level > 0:
        layers.append(nn.BatchNorm2d(widths[level]))
    return nn.Sequential(*layers)
