"""Motion network (MAN; Zhao et al. 2019, section 3.1): a 3-D network that describes what moves where, and when.

I3D is the Inception network of 2-D images with filters that also span time (Carreira & Zisserman 2017); the paper of
"The Sound of Motions" names neither its layer nor its strides. Here no layer strides over time: every step that comes
in goes out. (2+1)D splits each filter into one over space and one over time (Tran et al. 2018).

Axes: M clips, C channels of motion, T steps, X cells of the square's side, x = ceil(X / stride), K_m features.
"""

from collections.abc import Iterable, Sequence
from itertools import pairwise

import torch
from torch import Tensor, nn

from stages.separators import Trajectory

_PAPER_WIDTH = 64  # base channels of I3D and of R(2+1)D
# Of each Inception block: 1x1x1; reduced, then 3x3x3; reduced, then 3x3x3 (once 5x5); pooled, then 1x1x1.
_GROUPS = (
    ((64, 96, 128, 16, 32, 32), (128, 128, 192, 32, 96, 64)),
    (
        (192, 96, 208, 16, 48, 64),
        (160, 112, 224, 24, 64, 64),
        (128, 128, 256, 24, 64, 64),
        (112, 144, 288, 32, 64, 64),
        (256, 160, 320, 32, 128, 128),
    ),
    ((256, 160, 320, 32, 128, 128), (384, 192, 384, 48, 128, 128)),
)
_BLOCKS = 2  # residual ones in each group of R(2+1)D-18


class TrajectoryNetwork(nn.Module):
    """Trajectories, flow or differences of pictures -> features of each cell and step."""

    def __init__(self, inputs: int, settings: Trajectory) -> None:
        super().__init__()
        build = _inception if settings.network == "inception" else _r2plus1d
        layers, self.outputs = build(inputs, settings)
        self.layers = nn.Sequential(*layers)
        for layer in self.modules():
            if isinstance(layer, nn.Conv3d):
                nn.init.kaiming_normal_(layer.weight, mode="fan_out", nonlinearity="relu")

    def forward(self, motion: Tensor) -> Tensor:
        """(M, C, T, X, X) -> (M, K_m, T, x, x), >= 0."""
        return self.layers(motion)


class Filter(nn.Module):
    """Convolution over `size` = (time, height, width), batch norm, ReLU; `stride` is over space.

    Before the first and after the last step the picture stands still: there a filter meets copies of that step, so that
    inflated filters answer equal frames as their 2-D bank answers one of them, at the clip's ends, too.
    """

    def __init__(self, inputs: int, outputs: int, size: tuple[int, int, int], stride: int = 1) -> None:
        super().__init__()
        self._reach = size[0] // 2
        padding = (0, size[1] // 2, size[2] // 2)
        self.conv = nn.Conv3d(inputs, outputs, size, (1, stride, stride), padding, bias=False)
        self.norm = nn.BatchNorm3d(outputs)

    def forward(self, x: Tensor) -> Tensor:
        """(M, inputs, T, X, X) -> (M, outputs, T, ceil(X / stride), ceil(X / stride))."""
        if self._reach:
            before, after = (x[:, :, end].expand(-1, -1, self._reach, -1, -1) for end in (slice(1), slice(-1, None)))
            x = torch.cat([before, x, after], dim=2)
        return torch.relu(self.norm(self.conv(x)))


class InceptionBlock(nn.Module):
    """Four branches of one input, side by side."""

    def __init__(self, inputs: int, widths: Sequence[int]) -> None:
        super().__init__()
        one, reduced, three, reduced_more, five, pooled = widths
        point, cube = (1, 1, 1), (3, 3, 3)
        self.branches = nn.ModuleList(
            [
                Filter(inputs, one, point),
                nn.Sequential(Filter(inputs, reduced, point), Filter(reduced, three, cube)),
                nn.Sequential(Filter(inputs, reduced_more, point), Filter(reduced_more, five, cube)),
                nn.Sequential(nn.MaxPool3d(3, stride=1, padding=1), Filter(inputs, pooled, point)),
            ]
        )
        self.outputs = one + three + five + pooled

    def forward(self, x: Tensor) -> Tensor:
        """(M, inputs, T, X, X) -> (M, outputs, T, X, X)."""
        return torch.cat([branch(x) for branch in self.branches], dim=1)


class SplitResidualBlock(nn.Module):
    """Two (2+1)D convolutions and a shortcut; `stride` is over space."""

    def __init__(self, inputs: int, outputs: int, stride: int) -> None:
        super().__init__()
        self.first = _split(inputs, outputs, 3, stride)
        self.second = _split(outputs, outputs, 3, 1)
        self.shortcut: nn.Module = nn.Identity()
        if inputs != outputs or stride > 1:
            projection = nn.Conv3d(inputs, outputs, 1, (1, stride, stride), bias=False)
            self.shortcut = nn.Sequential(projection, nn.BatchNorm3d(outputs))

    def forward(self, x: Tensor) -> Tensor:
        """(M, inputs, T, X, X) -> (M, outputs, T, ceil(X / stride), ceil(X / stride))."""
        return torch.relu(self.second(self.first(x)) + self.shortcut(x))


def inflate(filters: Tensor, steps: int, inputs: int) -> Tensor:
    """3-D filters (O, inputs, steps, h, w) that answer equal grey frames as 2-D filters (O, I, h, w) answer one.

    Equal over time, divided by `steps` (Carreira & Zisserman 2017, section 2.4). Where the number of input channels
    differs (motion has one or two, pictures three), every channel gets the mean over the old ones times I / inputs.
    """
    if filters.shape[1] != inputs:
        filters = filters.mean(dim=1, keepdim=True).expand(-1, inputs, -1, -1) * (filters.shape[1] / inputs)
    return (filters / steps)[:, :, None].expand(-1, -1, steps, -1, -1).clone()


@torch.no_grad()
def inflate_from(network: TrajectoryNetwork, bank: Iterable[tuple[Tensor, Sequence[Tensor]]]) -> None:
    """Start from 2-D filters, such as those of a network that was trained on images.

    Args:
        network: An `inception`.
        bank: In the order of the network's convolutions: filters (O, I, h, w), and weight, bias, mean and variance of
            their batch norm, (O,) each, or nothing. What follows the network's last convolution is left.

    Raises:
        ValueError: A filter is missing or of another size.
    """
    units = [unit for unit in network.modules() if isinstance(unit, Filter)]
    given = list(bank)
    if len(given) < len(units):
        raise ValueError(f"inflation: expected filters for {len(units)} convolutions, found {len(given)}")
    for place, (unit, (filters, norm)) in enumerate(zip(units, given, strict=False)):
        inflated = inflate(filters, unit.conv.kernel_size[0], unit.conv.in_channels)
        if inflated.shape != unit.conv.weight.shape or (place and filters.shape[1] != unit.conv.in_channels):
            wanted = (unit.conv.out_channels, unit.conv.in_channels, *unit.conv.kernel_size[1:])
            raise ValueError(f"inflation: convolution {place}: expected {wanted}, found {tuple(filters.shape)}")
        unit.conv.weight.copy_(inflated)
        kept = (unit.norm.weight, unit.norm.bias, unit.norm.running_mean, unit.norm.running_var)
        for mine, theirs in zip(kept, norm, strict=False):
            if mine is not None:
                mine.copy_(theirs)


def _inception(inputs: int, settings: Trajectory) -> tuple[list[nn.Module], int]:
    def wide(width: int) -> int:
        return max(1, width * settings.base_channels // _PAPER_WIDTH)

    stem, second, *more = settings.strides
    layers: list[nn.Module] = [
        Filter(inputs, wide(64), (7, 7, 7), stem),
        _pool(second, 1),
        Filter(wide(64), wide(64), (1, 1, 1)),
        Filter(wide(64), wide(192), (3, 3, 3)),
    ]
    outputs = wide(192)
    for group, (stride, blocks) in enumerate(zip(more, _GROUPS, strict=False)):
        layers.append(_pool(stride, 3 if group else 1))  # I3D's first two pools do not span time
        for widths in blocks:
            block = InceptionBlock(outputs, [wide(width) for width in widths])
            layers.append(block)
            outputs = block.outputs
    return layers, outputs


def _pool(stride: int, steps: int) -> nn.MaxPool3d:
    return nn.MaxPool3d((steps, 3, 3), stride=(1, stride, stride), padding=(steps // 2, 1, 1))


def _r2plus1d(inputs: int, settings: Trajectory) -> tuple[list[nn.Module], int]:
    stem, *groups = settings.strides
    widths = [settings.base_channels * 2**group for group in range(len(groups))]
    layers: list[nn.Module] = [_split(inputs, settings.base_channels, 7, stem)]
    for (before, width), stride in zip(pairwise([settings.base_channels, *widths]), groups, strict=True):
        layers.append(SplitResidualBlock(before, width, stride))
        layers += [SplitResidualBlock(width, width, 1) for _ in range(_BLOCKS - 1)]
    return layers, widths[-1]


def _split(inputs: int, outputs: int, side: int, stride: int) -> nn.Sequential:
    """Over space, then over three steps; as wide between as makes the two as heavy as one 3-D filter."""
    between = max(1, 3 * side**2 * inputs * outputs // (side**2 * inputs + 3 * outputs))
    return nn.Sequential(Filter(inputs, between, (1, side, side), stride), Filter(between, outputs, (3, 1, 1)))
