"""Checkpoints of published PWC-Nets with random weights, written from their code, and what that code computes.

An oracle for `stages.motion`: names, shapes and arithmetic stand here a second time, one convolution after another.
Axes: B pairs, C channels, H x W pixels.
"""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

Shape = tuple[int, ...]
Checkpoint = dict[str, Tensor]

PYRAMID = {1: (3, 16), 2: (16, 32), 3: (32, 64), 4: (64, 96), 5: (96, 128), 6: (128, 196)}  # channels in and out
INPUTS = {6: 81, 5: 213, 4: 181, 3: 149, 2: 117}  # of a decoder
GROWN = (0, 128, 256, 352, 416, 448)  # channels added before each of its convolutions, and after the last
WIDTHS = (128, 128, 96, 64, 32)
CONTEXT = ((565, 128, 1), (128, 128, 2), (128, 128, 4), (128, 96, 8), (96, 64, 16), (64, 32, 1), (32, 2, 1))
WORDS = {1: "One", 2: "Two", 3: "Thr", 4: "Fou", 5: "Fiv", 6: "Six"}


@dataclass(frozen=True)
class Published:
    """One code's names for the layers of the network, and what it does in its own way."""

    pyramid: dict[int, tuple[str, str, str]]
    decoder: dict[int, tuple[str, ...]]
    predict: dict[int, str]
    upflow: dict[int, str]  # by the coarser level
    upfeatures: dict[int, str]
    context: tuple[str, ...] = ()
    unused: tuple[tuple[str, Shape], ...] = ()
    bgr: bool = True
    summed: bool = False
    in_bounds: float = 0.9999

    def shapes(self) -> dict[str, Shape]:
        """Shape of each layer's weight."""
        shapes: dict[str, Shape] = dict(self.unused)
        for level, (inputs, outputs) in PYRAMID.items():
            first, *others = self.pyramid[level]
            shapes[first] = (outputs, inputs, 3, 3)
            shapes |= dict.fromkeys(others, (outputs, outputs, 3, 3))
        for level, inputs in INPUTS.items():
            for name, width, grown in zip(self.decoder[level], WIDTHS, GROWN, strict=False):
                shapes[name] = (width, inputs + grown, 3, 3)
            shapes[self.predict[level]] = (2, inputs + 448, 3, 3)
            if level > 2:
                shapes[self.upflow[level]] = (2, 2, 4, 4)
                shapes[self.upfeatures[level]] = (inputs + 448, 2, 4, 4)
        named = zip(self.context, CONTEXT, strict=False)
        return shapes | {name: (outputs, inputs, 3, 3) for name, (inputs, outputs, _) in named}

    def checkpoint(self, seed: int) -> Checkpoint:
        """Random weights that keep the size of what passes through, and small biases."""
        random = torch.Generator().manual_seed(seed)
        weights: Checkpoint = {}
        for name, shape in self.shapes().items():
            up = shape[2] == 4
            spread = (2 / (4 * shape[0] if up else 9 * shape[1])) ** 0.5 * (0.3 if 2 in shape[:2] else 1)
            weights[f"{name}.weight"] = spread * torch.randn(shape, generator=random)
            weights[f"{name}.bias"] = 0.05 * torch.randn(shape[1] if up else shape[0], generator=random)
        return weights

    def flow(self, weights: Checkpoint, first: Tensor, second: Tensor) -> Tensor:
        """Flow (B, 2, H / 4, W / 4) in pixels of RGB frames (B, 3, H, W), as that code computes it."""
        layer = _Layers(weights)
        one, two = (self._pyramid(layer, frames) for frames in (first, second))
        flow = features = torch.empty(0)
        for level in (6, 5, 4, 3, 2):
            warped, known = two[level], []
            if level < 6:
                upflow = layer.up(self.upflow[level + 1], flow)
                warped = _warped(two[level], upflow * 20 / 2**level, self.in_bounds)
                known = [one[level], upflow, layer.up(self.upfeatures[level + 1], features)]
            volume = _volume(one[level], warped) * (one[level].shape[1] if self.summed else 1)
            features = torch.cat([functional.leaky_relu(volume, 0.1), *known], dim=1)
            for name in self.decoder[level]:
                features = torch.cat([functional.leaky_relu(layer(name, features), 0.1), features], dim=1)
            flow = layer(self.predict[level], features)
        for name, (_, _, dilation) in zip(self.context[:-1], CONTEXT[:-1], strict=False):
            features = functional.leaky_relu(layer(name, features, dilation=dilation), 0.1)
        return 20 * (flow + layer(self.context[-1], features) if self.context else flow)

    def _pyramid(self, layer: "_Layers", frames: Tensor) -> dict[int, Tensor]:
        features = {0: frames[:, [2, 1, 0]] if self.bgr else frames}
        for level, names in self.pyramid.items():
            x = features[level - 1]
            for index, name in enumerate(names):
                x = functional.leaky_relu(layer(name, x, stride=2 if index == 0 else 1), 0.1)
            features[level] = x
        return features


@dataclass(frozen=True)
class _Layers:
    weights: Checkpoint

    def __call__(self, name: str, x: Tensor, *, stride: int = 1, dilation: int = 1) -> Tensor:
        weight, bias = self.weights[f"{name}.weight"], self.weights[f"{name}.bias"]
        return functional.conv2d(x, weight, bias, stride, padding=dilation, dilation=dilation)

    def up(self, name: str, x: Tensor) -> Tensor:
        weight, bias = self.weights[f"{name}.weight"], self.weights[f"{name}.bias"]
        return functional.conv_transpose2d(x, weight, bias, stride=2, padding=1)


def _volume(first: Tensor, second: Tensor) -> Tensor:
    height, width = first.shape[2:]
    padded = functional.pad(second, (4, 4, 4, 4))
    shifted = [padded[:, :, dy : dy + height, dx : dx + width] for dy in range(9) for dx in range(9)]
    return torch.stack([(first * other).mean(dim=1) for other in shifted], dim=1)


def _warped(features: Tensor, flow: Tensor, in_bounds: float) -> Tensor:
    height, width = features.shape[2:]
    y, x = torch.meshgrid(torch.arange(height), torch.arange(width), indexing="ij")
    grid = torch.stack([2 * (x + flow[:, 0]) / (width - 1) - 1, 2 * (y + flow[:, 1]) / (height - 1) - 1], dim=-1)
    inside = functional.grid_sample(torch.ones_like(features), grid, align_corners=True) >= in_bounds
    return functional.grid_sample(features, grid, align_corners=True) * inside


def sniklaus(prefix: str) -> Published:
    """sniklaus/pytorch-pwc; prefix is "module" or "net"."""
    decoders = {level: f"{prefix}{WORDS[level]}.{prefix}" for level in INPUTS}
    return Published(
        pyramid={n: _three(lambda i, n=n: f"{prefix}Extractor.{prefix}{WORDS[n]}.{2 * i}") for n in PYRAMID},
        decoder={
            n: tuple(f"{at}{word}.0" for word in ("One", "Two", "Thr", "Fou", "Fiv")) for n, at in decoders.items()
        },
        predict={n: f"{at}Six.0" for n, at in decoders.items()},
        upflow={n + 1: f"{decoders[n]}Upflow" for n in (2, 3, 4, 5)},
        upfeatures={n + 1: f"{decoders[n]}Upfeat" for n in (2, 3, 4, 5)},
        context=tuple(f"{prefix}Refiner.{prefix}Main.{index}" for index in (0, 2, 4, 6, 8, 10, 12)),
        in_bounds=0.999,
    )


def nvlabs() -> Published:
    """NVlabs/PWC-Net, PyTorch."""
    names = ptlflow()
    return Published(
        names.pyramid,
        names.decoder,
        names.predict,
        names.upflow,
        names.upfeatures,
        names.context,
        unused=(("deconv2", (2, 2, 4, 4)),),
    )


def ptlflow(*, context: bool = True) -> Published:
    """ptlflow 0.4: pwcnet, which takes RGB, and without its context network pwcnet_nodc, which takes BGR."""
    plain = {n: (f"conv{n}a.0", f"conv{n}aa.0", f"conv{n}b.0") for n in (1, 2, 3, 4, 5)}
    return Published(
        pyramid={**plain, 6: ("conv6aa.0", "conv6a.0", "conv6b.0")},
        decoder={n: tuple(f"conv{n}_{index}.0" for index in range(5)) for n in INPUTS},
        predict={n: f"predict_flow{n}" for n in INPUTS},
        upflow={n: f"deconv{n}" for n in (3, 4, 5, 6)},
        upfeatures={n: f"upfeat{n}" for n in (3, 4, 5, 6)},
        context=(*(f"dc_conv{index}.0" for index in range(1, 7)), "dc_conv7") if context else (),
        bgr=not context,
    )


def mmflow() -> Published:
    """open-mmlab/mmflow, PWCNet."""
    decoders = {n: f"decoder.decoders.level{n}" for n in INPUTS}
    return Published(
        pyramid={n: _three(lambda i, n=n: f"encoder.layers.{n - 1}.layers.{i}.conv") for n in PYRAMID},
        decoder={n: tuple(f"{at}.dense_net.layers.{i}.layers.conv" for i in range(5)) for n, at in decoders.items()},
        predict={n: f"{at}.predict_layer" for n, at in decoders.items()},
        upflow={n: f"{at}.upflow_layer" for n, at in decoders.items() if n > 2},
        upfeatures={n: f"{at}.upfeat_layer" for n, at in decoders.items() if n > 2},
        context=(*(f"decoder.post_processor.layers.{i}.conv" for i in range(6)), "decoder.post_processor.layers.6"),
        summed=True,
    )


def _three(name: Callable[[int], str]) -> tuple[str, str, str]:
    return name(0), name(1), name(2)
