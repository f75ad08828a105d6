"""PWC-Net (Sun et al. 2018): a pyramid of features, warped and compared coarse to fine.

Axes: B pairs, C channels, H x W pixels. Level l of the pyramid has H / 2^l x W / 2^l cells. Flow has channels u (right)
and v (down), from the first frame to the second.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional

from stages.motion.correlation import cost_volume, normalised
from stages.motion.looks import ENLARGED, next_look
from stages.motion.warp import warp
from stages.precision import Precision

Preset = Literal["default", "lite"]

RADIUS = 4  # of the cost volume, in cells
FINEST, COARSEST = 2, 6  # levels at which flow is predicted
STRIDE = 2**FINEST  # pixels from one cell of the finest flow to the next
MULTIPLE = 2**COARSEST  # both sides of the input are multiples of it
FLOW_UNIT_PX = 20.0  # what the decoders predict is in units of 20 px of the input
_SLOPE = 0.1  # of every LeakyReLU
_FIRST_FLOW = 0.1  # of He's deviation in layers that predict flow: training then starts near zero, not at 10 px
_DILATIONS = (1, 2, 4, 8, 16, 1)  # of the context network


@dataclass(frozen=True, slots=True)
class Architecture:
    """What a network is made of."""

    pyramid: tuple[int, ...]  # channels of levels 1 to 6
    convolutions: int  # of one level of the pyramid
    decoder: tuple[int, ...]  # channels of each decoder's convolutions
    dense: bool  # a convolution of a decoder sees the outputs of all those before it
    context: tuple[int, ...]  # channels of the context network but for its output; () for a network without
    normalised: bool  # features before the cost volume: needed to train from scratch, off in published checkpoints
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
    # A third of the time: Sun et al. (table 6) lose little without dense connections.
    "lite": Architecture(
        pyramid=(16, 32, 64, 96, 128, 196),
        convolutions=2,
        decoder=(128, 128, 96, 64, 32),
        dense=False,
        context=(96, 96, 96, 64, 48, 32),
        normalised=True,
        in_bounds=0.999,
    ),
}


@dataclass(frozen=True, slots=True)
class Origin:
    """Where the weights of a network come from, to be recorded with what it makes."""

    layout: str  # of the file's names: "own", or whose code names them so
    licence: str  # SPDX expression, or "unknown"
    sha256: str  # of the file


class Decoder(nn.Module):
    """Flow of one level, from its cost volume and from what the level above knew."""

    def __init__(self, inputs: int, architecture: Architecture, *, finest: bool) -> None:
        super().__init__()
        self.dense = architecture.dense
        self.convolutions = nn.ModuleList()
        for width in architecture.decoder:
            self.convolutions.append(nn.Conv2d(inputs, width, 3, padding=1))
            inputs = inputs + width if self.dense else width
        self.predict = nn.Conv2d(inputs, 2, 3, padding=1)
        if not finest:
            self.upflow = nn.ConvTranspose2d(2, 2, 4, stride=2, padding=1)
            self.upfeatures = nn.ConvTranspose2d(inputs, 2, 4, stride=2, padding=1)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Flow (B, 2, h, w) in units of 20 px, and the features that it was predicted from."""
        for convolution in self.convolutions:
            y = functional.leaky_relu(convolution(x), _SLOPE, inplace=True)
            x = torch.cat([y, x], dim=1) if self.dense else y
        return self.predict(x), x

    def up(self, flow: Tensor, features: Tensor) -> tuple[Tensor, Tensor]:
        """Both on twice the cells, with 2 channels each."""
        return self.upflow(flow), self.upfeatures(features)


class PWCNet(nn.Module):
    """Flow at five scales; see `estimate_flow` for frames of any size."""

    def __init__(self, architecture: Architecture) -> None:
        super().__init__()
        self.architecture = architecture
        self.precision: Precision = "fp32"
        self.origin: Origin | None = None  # None where the weights were read from no file
        widths = (3, *architecture.pyramid)
        levels = range(1, COARSEST + 1)
        self.pyramid = nn.ModuleList(
            _pyramid_level(widths[level - 1], widths[level], architecture.convolutions) for level in levels
        )
        inputs = {level: decoder_inputs(architecture, level) for level in levels[FINEST - 1 :]}
        self.decoders = nn.ModuleDict(
            {str(level): Decoder(inputs[level], architecture, finest=level == FINEST) for level in inputs}
        )
        self.context = _context_network(self._decoder(FINEST).predict.in_channels, architecture.context)
        self.apply(_initialise)
        for last in (*(self._decoder(level).predict for level in inputs), *list(self.context)[-1:]):
            assert isinstance(last, nn.Conv2d)
            last.weight.data.mul_(_FIRST_FLOW)

    def forward(self, first: Tensor, second: Tensor) -> tuple[Tensor, ...]:
        """Flow at five scales, in training as in use.

        Args:
            first: RGB in [0, 1], (B, 3, H, W), both sides multiples of 64.
            second: The same shape.

        Returns:
            Finest first, (B, 2, H / 4, W / 4) to (B, 2, H / 64, W / 64), float32, all in pixels of the input.
        """
        if first.shape != second.shape or any(side % MULTIPLE for side in first.shape[2:]):
            raise ValueError(
                f"two batches of one shape with sides that are multiples of {MULTIPLE} expected, got "
                f"{[*first.shape]} and {[*second.shape]}; estimate_flow takes any size"
            )
        features = self._features(torch.cat([first, second]))
        flow, x = self._decoder(COARSEST)(self._volume(*features[COARSEST].chunk(2)))
        flows = [flow]
        for level in range(COARSEST - 1, FINEST - 1, -1):
            upflow, upfeatures = self._decoder(level + 1).up(flow, x)
            one, two = features[level].chunk(2)
            two = warp(two, upflow.float() * (FLOW_UNIT_PX / 2**level), self.architecture.in_bounds)
            flow, x = self._decoder(level)(torch.cat([self._volume(one, two), one, upflow, upfeatures], dim=1))
            flows.append(flow)
        if self.architecture.context:
            flows[-1] = flow.float() + self.context(x).float()
        return tuple(FLOW_UNIT_PX * flow.float() for flow in reversed(flows))

    def _features(self, frames: Tensor) -> dict[int, Tensor]:
        """Features of each level, (B, C, H / 2^l, W / 2^l)."""
        features: dict[int, Tensor] = {}
        for level, convolutions in enumerate(self.pyramid, 1):
            frames = convolutions(frames)
            features[level] = frames
        return features

    def _volume(self, first: Tensor, second: Tensor) -> Tensor:
        if self.architecture.normalised:
            first, second = normalised(first), normalised(second)
        return functional.leaky_relu(cost_volume(first, second, RADIUS), _SLOPE)

    def _decoder(self, level: int) -> Decoder:
        decoder = self.decoders[str(level)]
        assert isinstance(decoder, Decoder)
        return decoder


def decoder_inputs(architecture: Architecture, level: int) -> int:
    """Channels that the decoder of a level receives: the volume, and below the top first features and both `up`."""
    volume = (2 * RADIUS + 1) ** 2
    return volume if level == COARSEST else volume + architecture.pyramid[level - 1] + 4


def prepare(net: PWCNet, device: torch.device, *, precision: Precision, channels_last: bool, compiled: bool) -> PWCNet:
    """Ready `net` itself for `estimate_flow`.

    Args:
        net: Changed in place and returned.
        device: Where frames will be sent and flow computed.
        precision: bf16 by autocast; weights stay as they are.
        channels_last: Layout of the weights; faster with bf16 on any device.
        compiled: By torch.compile, on CUDA only: on a CPU it takes a minute and gains nothing.
    """
    if compiled and device.type != "cuda":
        raise ValueError(f"a compiled PWC-Net needs a CUDA device, got {device}; set compiled to false")
    net.precision = precision
    net.to(device).eval().requires_grad_(False)
    net.to(memory_format=torch.channels_last if channels_last else torch.contiguous_format)
    if compiled:
        net.compile()
    return net


def estimate_flow(net: PWCNet, first: Tensor, second: Tensor, looks: int = 1) -> Tensor:
    """Flow at every pixel.

    Args:
        net: On any device; see `prepare`.
        first: RGB in [0, 1], (B, 3, H, W), any size.
        second: The same shape.
        looks: Each further one seeks what is left over in frames of twice the size, at four times the cost.

    Returns:
        (B, 2, H, W) float32 on the network's device, in pixels.
    """
    return _sampled(_looked(net, first, second, looks), first.shape[2:], step=1)


def estimate_quarter_flow(net: PWCNet, first: Tensor, second: Tensor, looks: int = 1) -> Tensor:
    """Flow at every fourth pixel, where the network itself predicts it.

    Args:
        net: On any device; see `prepare`.
        first: RGB in [0, 1], (B, 3, H, W), any size.
        second: The same shape.
        looks: As for `estimate_flow`.

    Returns:
        (B, 2, ceil(H / 4), ceil(W / 4)) float32 on the network's device, in pixels of the full frame. Cell (i, j) is
        the flow at the middle of the 4 x 4 pixels from (4 i, 4 j): at x = 4 j + 1.5 and y = 4 i + 1.5, where centres
        of pixels are integers.
    """
    return _sampled(_looked(net, first, second, looks), first.shape[2:], step=STRIDE)


@torch.no_grad()
def _looked(net: PWCNet, first: Tensor, second: Tensor, looks: int) -> Tensor:
    """Flow that covers the frames, in their pixels, on the finest grid of the last look."""
    device = next(net.parameters()).device
    first, second = first.to(device), second.to(device)
    flow = _native(net, first, second)
    for _ in range(looks - 1):
        *enlarged, shown = next_look(first, second, _sampled(flow, first.shape[2:], step=1))
        rest = _native(net, *enlarged) / ENLARGED
        known, counts = (
            functional.interpolate(values, rest.shape[2:], mode="bilinear", align_corners=False)
            for values in (flow, shown.float())
        )
        flow = known + counts * rest
    return flow


@torch.no_grad()
def _native(net: PWCNet, first: Tensor, second: Tensor) -> Tensor:
    """Finest flow of the resized frames, which lie where the network does, in pixels of the given frames."""
    if first.shape != second.shape or first.ndim != 4 or first.shape[1] != 3 or not first.is_floating_point():
        raise ValueError(
            f"two batches of RGB frames (B, 3, H, W) in [0, 1] of one shape expected, got {first.dtype} "
            f"{[*first.shape]} and {second.dtype} {[*second.shape]}"
        )
    height, width = first.shape[2:]
    size = tuple(-(-side // MULTIPLE) * MULTIPLE for side in (height, width))
    frames = [functional.interpolate(f, size, mode="bilinear", align_corners=False) for f in (first, second)]
    with torch.autocast(first.device.type, torch.bfloat16, enabled=net.precision == "bf16"):
        flow = net(*frames)[0]
    return flow * flow.new_tensor([width / size[1], height / size[0]])[:, None, None]


@torch.no_grad()
def _sampled(flow: Tensor, size: Sequence[int], *, step: int) -> Tensor:
    """Read a flow that covers a frame of (H, W) at the middle of each `step` x `step` pixels of the frame."""
    height, width = size
    y = _middles(height, step).to(flow.device)
    x = _middles(width, step).to(flow.device)
    if flow.shape[2:] == (len(y), len(x)) and height % step == 0 and width % step == 0:
        return flow
    grid = torch.stack(torch.meshgrid(x, y, indexing="xy"), dim=-1)
    # With align_corners=False -1 and 1 are the edges of the frame, whatever its number of cells.
    return functional.grid_sample(flow, grid.expand(len(flow), -1, -1, -1), padding_mode="border", align_corners=False)


def _middles(size: int, step: int) -> Tensor:
    """Middle of every `step` pixels of `size`, as a position in [-1, 1] from edge to edge."""
    return (torch.arange(-(-size // step)) * step + step / 2) * (2 / size) - 1


def _pyramid_level(inputs: int, outputs: int, convolutions: int) -> nn.Sequential:
    layers: list[nn.Module] = []
    for index in range(convolutions):
        stride = 2 if index == 0 else 1
        layers += [nn.Conv2d(inputs, outputs, 3, stride, padding=1), nn.LeakyReLU(_SLOPE, inplace=True)]
        inputs = outputs
    return nn.Sequential(*layers)


def _context_network(inputs: int, widths: tuple[int, ...]) -> nn.Sequential:
    """Dilated convolutions that correct the finest flow; empty without widths."""
    layers: list[nn.Module] = []
    for width, dilation in zip(widths, _DILATIONS, strict=bool(widths)):
        layers.append(nn.Conv2d(inputs, width, 3, padding=dilation, dilation=dilation))
        layers.append(nn.LeakyReLU(_SLOPE, inplace=True))
        inputs = width
    if widths:
        layers.append(nn.Conv2d(inputs, 2, 3, padding=1))
    return nn.Sequential(*layers)


def _initialise(module: nn.Module) -> None:
    """He et al. (2015) for this slope, without bias."""
    if isinstance(module, nn.Conv2d | nn.ConvTranspose2d):
        nn.init.kaiming_normal_(module.weight, a=_SLOPE)
        if module.bias is not None:
            nn.init.zeros_(module.bias)
