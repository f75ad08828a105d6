"""PWC-Net (Sun et al. 2018): pyramid, warping, cost volume, decoder, context network.

Axes: B pairs, C channels, H x W pixels. Level l of the pyramid has H / 2^l x W / 2^l cells.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor, nn

from stages.motion.correlation import cost_volume, normalised
from stages.motion.warp import warp

Preset = Literal["default", "lite"]

RADIUS = 4
FINEST, COARSEST = 2, 6  # levels at which a flow is predicted
MULTIPLE = 2**COARSEST  # of the input's sides
FLOW_UNIT_PX = 20.0  # the networks predict flow in units of 20 px of the input
_DILATIONS = (1, 2, 4, 8, 16, 1)
_SLOPE = 0.1


@dataclass(frozen=True, slots=True)
class Architecture:
    """What a network is made of."""

    pyramid: tuple[int, ...]  # channels of levels 1 to 6
    convolutions: int  # of each level of the pyramid
    decoder: tuple[int, ...]  # channels of a decoder's convolutions
    dense: bool  # each convolution of a decoder sees the outputs of all before it
    context: tuple[int, ...]  # channels of the context network but for its output; none without
    normalised: bool  # feature maps before the cost volume; off in all published checkpoints
    in_bounds: float  # see `warp`


PRESETS: dict[Preset, Architecture] = {
    "default": Architecture(
        pyramid=(16, 32, 64, 96, 128, 196),
        convolutions=3,
        decoder=(128, 128, 96, 64, 32),
        dense=True,
        context=(128, 128, 128, 96, 64, 32),
        normalised=True,
        in_bounds=0.999,
    ),
    "lite": Architecture(
        pyramid=(16, 32, 64, 96, 128, 196),
        convolutions=2,
        decoder=(96, 96, 64, 64, 32),
        dense=False,
        context=(64, 64, 64, 48, 32, 32),
        normalised=True,
        in_bounds=0.999,
    ),
}


class Decoder(nn.Module):
    """Flow of one level from its cost volume and what the level above knew."""

    def __init__(self, inputs: int, architecture: Architecture, *, ends: bool) -> None:
        super().__init__()
        self.dense = architecture.dense
        self.convolutions = nn.ModuleList()
        for width in architecture.decoder:
            self.convolutions.append(nn.Conv2d(inputs, width, 3, padding=1))
            inputs = inputs + width if self.dense else width
        self.outputs = inputs
        self.predict = nn.Conv2d(inputs, 2, 3, padding=1)
        if not ends:
            self.upflow = nn.ConvTranspose2d(2, 2, 4, stride=2, padding=1)
            self.upfeatures = nn.ConvTranspose2d(inputs, 2, 4, stride=2, padding=1)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Flow (B, 2, H, W) in units of 20 px, and the features that it was predicted from."""
        for convolution in self.convolutions:
            y = nn.functional.leaky_relu(convolution(x), _SLOPE, inplace=True)
            x = torch.cat([y, x], dim=1) if self.dense else y
        return self.predict(x), x

class PWCNet(nn.Module):
    def __init__(self, architecture: Architecture) -> None:
        super().__init__()
        self.architecture = architecture
        widths = (3, *architecture.pyramid)
        self.pyramid = nn.ModuleList(
            _level(before, after, architecture.convolutions) for before, after in zip(widths[:-1], widths[1:], strict=True)
        )
        volume = (2 * RADIUS + 1) ** 2
        inputs = {level: volume + (0 if level == COARSEST else widths[level] + 4) for level in range(FINEST, COARSEST + 1)}
        self.decoders = nn.ModuleDict({str(l): Decoder(inputs[l], architecture, ends=l == FINEST) for l in inputs})
        self.context = _context(self.decoders[str(FINEST)].outputs, architecture.context)

    def forward(self, first: Tensor, second: Tensor) -> tuple[Tensor, ...]:
        features = self._features(torch.cat([first, second]))
        flows: list[Tensor] = []
        flow = x = None
        for level in range(COARSEST, FINEST - 1, -1):
            one, two = features[level - 1].chunk(2)
            known = []
            if flow is not None:
                above = self.decoders[str(level + 1)]
                upflow, upfeat = above.upflow(flow), above.upfeatures(x)
                two = warp(two, upflow * (FLOW_UNIT_PX / 2**level), self.architecture.in_bounds)
                known = [one, upflow, upfeat]
            if self.architecture.normalised:
                a, b = normalised(one), normalised(two)
            else:
                a, b = one, two
            volume = nn.functional.leaky_relu(cost_volume(a, b, RADIUS), _SLOPE)
            flow, x = self.decoders[str(level)](torch.cat([volume, *known], dim=1))
            if level == FINEST and len(self.context): 
                flow = flow + self.context(x)
            flows.insert(0, flow.float() * FLOW_UNIT_PX)
        return tuple(flows)

    def _features(self, frames):
        out = []
        for level in self.pyramid:
            frames = level(frames)
            out.append(frames)
        return out

def _level(inputs, outputs, convolutions):
    layers = []
    for index in range(convolutions):
        layers += [nn.Conv2d(inputs if index == 0 else outputs, outputs, 3, stride=2 if index == 0 else 1, padding=1), nn.LeakyReLU(_SLOPE, inplace=True)]
    return nn.Sequential(*layers)

def _context(inputs, widths):
    layers = []
    for width, dilation in zip(widths, _DILATIONS):
        layers += [nn.Conv2d(inputs, width, 3, padding=dilation, dilation=dilation), nn.LeakyReLU(_SLOPE, inplace=True)]
        inputs = width
    if widths:
        layers.append(nn.Conv2d(inputs, 2, 3, padding=1))
    return nn.Sequential(*layers)
