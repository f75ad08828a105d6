"""Which sound goes with which picture: a task that teaches the appearance network before there are masks to learn.

Arandjelovic & Zisserman 2017 ask it of one pair at a time ("Look, Listen and Learn"); here each of M clips has to find
its own sound among those of all others, and each sound its clip.

Axes: M clips, K appearance features, R log-frequency rows, T spectrogram frames, E numbers that describe a clip.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional

from stages.networks.spectrogram import log_levels

_DESCRIPTION = 32  # E
_WIDTHS = (16, 32, 64, 64)
_BANDS = 8  # of log-frequency: where a sound lies tells as much as how it changes
_LOUDNESS = (-5.0, 3.0)  # centre and spread of log magnitudes, roughly: batch norm does the rest
_SHARPNESS = 2.0  # log of the first factor on cosines; learnt


class Correspondence(nn.Module):
    """Describes sounds and pictures alike; needed in training alone."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        layers = [_halving(inputs, outputs) for inputs, outputs in zip((1, *_WIDTHS), _WIDTHS, strict=False)]
        self.listener = nn.Sequential(nn.AvgPool2d(2), *layers, nn.AdaptiveAvgPool2d((_BANDS, 1)), nn.Flatten())
        self.heard = nn.Linear(_WIDTHS[-1] * _BANDS, _DESCRIPTION)
        self.seen = nn.Linear(channels, _DESCRIPTION)
        self.sharpness = nn.Parameter(torch.tensor(_SHARPNESS))

    def forward(self, magnitudes: Tensor, appearance: Tensor) -> Tensor:
        """How well each sound fits each picture, (M, M), sounds along the first axis, of what `describe` takes."""
        return self.fits(*self.describe(magnitudes, appearance))

    def describe(self, magnitudes: Tensor, appearance: Tensor) -> tuple[Tensor, Tensor]:
        """Descriptions (M, E) of sounds and of pictures, of unit length.

        Args:
            magnitudes: (M, R, T), >= 0, on log-frequency rows.
            appearance: (M, K), before the sigmoid.
        """
        centre, spread = _LOUDNESS
        levels = (log_levels(magnitudes) - centre) / spread
        sounds = functional.normalize(self.heard(self.listener(levels[:, None])).float(), dim=1)
        return sounds, functional.normalize(self.seen(appearance).float(), dim=1)

    def fits(self, sounds: Tensor, pictures: Tensor) -> Tensor:
        """How well each of M sounds fits each of M pictures, (M, M), of their descriptions."""
        return self.sharpness.exp() * sounds @ pictures.T


def _halving(inputs: int, outputs: int) -> nn.Sequential:
    return nn.Sequential(nn.Conv2d(inputs, outputs, 3, 2, padding=1, bias=False), nn.BatchNorm2d(outputs), nn.ReLU())
