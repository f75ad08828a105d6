"""Appearance network (VAN; Zhao et al. 2018, section 3.1): a dilated ResNet-18 that describes what each place shows.

Axes: M clips, P frames of a clip, K channels, H x W pixels, h x w cells (H / 16 x W / 16).
"""

from typing import Literal

import torch
from torch import Tensor, nn

from stages.networks.cells import coarse
from stages.separators import Appearance


class ResidualBlock(nn.Module):
    """Two 3x3 convolutions and a shortcut (He et al. 2016); `dilations` are those of the first and the second."""

    def __init__(self, inputs: int, outputs: int, *, stride: int, dilations: tuple[int, int]) -> None:
        super().__init__()
        first, second = dilations
        self.conv1 = nn.Conv2d(inputs, outputs, 3, stride, padding=first, dilation=first, bias=False)
        self.norm1 = nn.BatchNorm2d(outputs)
        self.conv2 = nn.Conv2d(outputs, outputs, 3, padding=second, dilation=second, bias=False)
        self.norm2 = nn.BatchNorm2d(outputs)
        self.shortcut: nn.Module = nn.Identity()
        if inputs != outputs:
            self.shortcut = nn.Sequential(nn.Conv2d(inputs, outputs, 1, stride, bias=False), nn.BatchNorm2d(outputs))

    def forward(self, x: Tensor) -> Tensor:
        """(M, inputs, H, W) -> (M, outputs, H / stride, W / stride)."""
        y = torch.relu(self.norm1(self.conv1(x)))
        return torch.relu(self.norm2(self.conv2(y)) + self.shortcut(x))


class AppearanceNetwork(nn.Module):
    """Output stride 16: the last group of the ResNet trades its stride for dilation.

    Its first 3x3 convolution, which loses the stride, keeps dilation 1; the three that follow take dilation 2.
    """

    def __init__(self, channels: int, look: Appearance) -> None:
        super().__init__()
        width = look.base_channels
        self._pooling: Literal["max", "mean"] = look.pooling
        self.trunk = nn.Sequential(
            nn.Conv2d(3, width, 7, stride=2, padding=3, bias=False),
            nn.BatchNorm2d(width),
            nn.ReLU(),
            nn.MaxPool2d(3, stride=2, padding=1),
            *_group(width, width, stride=1, dilation=1),
            *_group(width, 2 * width, stride=2, dilation=1),
            *_group(2 * width, 4 * width, stride=2, dilation=1),
            *_group(4 * width, 8 * width, stride=1, dilation=2),
        )
        self.last = nn.Conv2d(8 * width, channels, 3, padding=1)
        self.standard = nn.BatchNorm1d(channels, affine=False) if look.standardise else nn.Identity()
        for layer in self.trunk.modules():
            if isinstance(layer, nn.Conv2d):
                nn.init.kaiming_normal_(layer.weight, mode="fan_out", nonlinearity="relu")

    def cells(self, frames: Tensor) -> Tensor:
        """Features of each cell before pooling over space and before the sigmoid, (M, P, 3, H, W) -> (M, K, h, w)."""
        maps = self.last(self.trunk(frames.flatten(0, 1)))
        return maps.unflatten(0, frames.shape[:2]).amax(dim=1)

    def forward(self, frames: Tensor) -> Tensor:
        """Description of each clip, (M, P, 3, H, W) -> (M, K) in (0, 1): max over frames, pooled over cells, sigmoid.

        The paper takes the maximum over cells, too, and goes on as it is. With few videos the mean knows unseen players
        better, and a network that starts from noise describes all clips alike, which gives the sound nothing to go by
        unless descriptions are brought to unit deviation (docs/decisions/0015).
        """
        return torch.sigmoid(self.standard(self.pooled(frames)))

    def pooled(self, frames: Tensor) -> Tensor:
        """Features of each clip before the sigmoid, (M, P, 3, H, W) -> (M, K)."""
        cells = self.cells(frames)
        return cells.amax(dim=(-2, -1)) if self._pooling == "max" else cells.mean(dim=(-2, -1))

    def alone(self, frames: Tensor, most: int) -> Tensor:
        """Description of each cell as if the picture showed nothing else, (M, P, 3, H, W) -> (M, G, G, K) in (0, 1).

        Groups of cells where there are more than `most` a side.
        """
        few = coarse(self.cells(frames), most, self._pooling).permute(0, 2, 3, 1)
        return torch.sigmoid(self.standard(few.flatten(0, 2))).unflatten(0, few.shape[:3])


def _group(inputs: int, outputs: int, *, stride: int, dilation: int) -> tuple[ResidualBlock, ResidualBlock]:
    return (
        ResidualBlock(inputs, outputs, stride=stride, dilations=(1, dilation)),
        ResidualBlock(outputs, outputs, stride=1, dilations=(dilation, dilation)),
    )
