"""Audio network of `motions`: a U-Net whose maps motion scales and shifts (Zhao et al. 2019, section 3.1).

Six levels that halve both axes, as in the paper, leave one and a half steps of three seconds in the middle; here each
level says by itself whether it halves time.

Axes: B mixtures, N sources of a mixture, K output maps, R log-frequency rows, T spectrogram frames, C channels, r x a
rows and steps of a map, K_v visual features.
"""

from collections.abc import Mapping, Sequence
from math import prod

import torch
from torch import Tensor, nn
from torch.nn import functional

from stages.networks.film import Film
from stages.networks.spectrogram import WIDEST, Enlarge, down_level, log_levels


class ModulatedUNet(nn.Module):
    """Levels halve frequency, and time where they should; decoding is done for each source by itself.

    Args:
        outputs: K.
        time_strides: 1 or 2 for each level.
        base_channels: Of the first level.
        film: K_v by the number of levels after which maps are modulated; empty: nothing is.
    """

    def __init__(
        self, outputs: int, *, time_strides: Sequence[int], base_channels: int, film: Mapping[int, int]
    ) -> None:
        super().__init__()
        levels = len(time_strides)
        channels = [1, *(base_channels * min(2**level, WIDEST) for level in range(levels))]
        self.time_strides = tuple(time_strides)
        self.norm = nn.BatchNorm2d(1)
        self.down = nn.ModuleList(down_level(level, channels, stride) for level, stride in enumerate(time_strides))
        self.up = nn.ModuleList(
            _up(level, [outputs, *channels[1:]], time_strides[level]) for level in reversed(range(levels))
        )
        self.film = nn.ModuleDict({str(level): Film(features, channels[level]) for level, features in film.items()})

    def steps(self, frames: int, level: int) -> int:
        """Steps of the map after `level` levels, of a spectrogram of so many frames."""
        return -(-frames // prod(self.time_strides)) * prod(self.time_strides[level:])

    def forward(self, mixture_magnitude: Tensor, seen: Mapping[int, Tensor]) -> Tensor:
        """Maps (B, N, K, R, T), no activation; N is 1 where nothing is modulated.

        Args:
            mixture_magnitude: (B, 1, R, T), >= 0, R and T of any size: the normalised input is padded with its mean.
            seen: Visual features (B, N, steps, K_v) by level.
        """
        rows, frames = mixture_magnitude.shape[-2:]
        x = self.norm(log_levels(mixture_magnitude))
        x = functional.pad(x, (0, -frames % prod(self.time_strides), 0, -rows % 2 ** len(self.down)))
        skips: list[Tensor] = []
        for down in self.down:
            x = down(x)
            skips.append(x)
        level, num = len(skips), max((features.shape[1] for features in seen.values()), default=1)
        y = self._modulated(_for_each(skips.pop(), num), level, seen)
        for up in self.up:
            y = up(y if level == len(self.down) else torch.cat([_for_each(skips.pop(), num), y], dim=1))
            level -= 1
            y = self._modulated(y, level, seen)
        return y.unflatten(0, (-1, num))[..., :rows, :frames]

    def _modulated(self, maps: Tensor, level: int, seen: Mapping[int, Tensor]) -> Tensor:
        """Maps (B N, C, r, a), scaled and shifted where this level is."""
        if str(level) not in self.film:
            return maps
        features = seen[level]
        filmed = self.film[str(level)](maps.unflatten(0, features.shape[:2]), features)
        return filmed.flatten(0, 1).to(maps.dtype).contiguous(memory_format=torch.channels_last)


def _for_each(maps: Tensor, num: int) -> Tensor:
    """Maps (B, C, r, a) once for each of a mixture's sources, (B num, C, r, a), in the order of memory that is fast."""
    return maps if num == 1 else maps.repeat_interleave(num, dim=0).contiguous(memory_format=torch.channels_last)


def _up(level: int, channels: Sequence[int], time_stride: int) -> nn.Sequential:
    """As in the network of `pixels`, but steps keep their times: half-pixel centres, no corners that are aligned."""
    innermost = level == len(channels) - 2
    layers: list[nn.Module] = [
        nn.ReLU(),
        Enlarge((2, time_stride), corners=False),
        nn.Conv2d(channels[level + 1] * (1 if innermost else 2), channels[level], 3, padding=1, bias=level == 0),
    ]
    if level > 0:
        layers.append(nn.BatchNorm2d(channels[level]))
    return nn.Sequential(*layers)
