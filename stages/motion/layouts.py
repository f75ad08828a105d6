"""How published PWC-Nets name their weights, and what they compute differently from `stages.motion.pwcnet`.

Read in sniklaus/pytorch-pwc (run.py), NVlabs/PWC-Net (PyTorch/models/PWCNet.py), hmorimitsu/ptlflow 0.4.2
(models/pwcnet/pwcnet.py) and open-mmlab/mmflow (encoders/pwcnet_encoder.py, decoders/pwcnet_decoder.py).
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from torch import Tensor

from stages.motion.pwcnet import COARSEST, FINEST, PRESETS, RADIUS

_NON_COMMERCIAL = "CC-BY-NC-SA-4.0"
_ORDINALS = ("One", "Two", "Thr", "Fou", "Fiv", "Six")
_PUBLISHED = PRESETS["default"]
_LEVELS = range(FINEST, COARSEST + 1)
Names = dict[str, str]  # ours: theirs, both without .weight and .bias


@dataclass(frozen=True, slots=True)
class Layout:
    """One way to name the weights of the published network."""

    name: str
    names: Names
    licence: str  # of the checkpoints that are published in it; who trained a file by this code can't be seen
    in_bounds: float  # see `warp`
    bgr: bool = True  # takes BGR; without a context network all do
    summed: bool = False  # adds up the cost volume over channels instead of averaging
    unused: tuple[str, ...] = ()  # stored, never computed with


def _sniklaus(prefix: str) -> Names:
    """Layers of moduleExtractor, moduleTwo ... moduleSix and moduleRefiner; newer files say net for module.

    Theirs keeps what brings a flow to a finer level with that finer level, ours with the coarser one.
    """
    names = {ours: f"{prefix}Extractor.{prefix}{_ORDINALS[level - 1]}.{2 * i}" for ours, level, i in _pyramid()}
    for level in _LEVELS:
        decoder, below = (f"{prefix}{_ORDINALS[at - 1]}.{prefix}" for at in (level, level - 1))
        names |= {ours: f"{decoder}{_ORDINALS[i]}.0" for ours, i in _convolutions(level)}
        names[f"decoders.{level}.predict"] = f"{decoder}Six.0"
        names |= _ups(level, f"{below}Upflow", f"{below}Upfeat")
    return names | {ours: f"{prefix}Refiner.{prefix}Main.{2 * i}" for ours, i in _context()}


def _nvlabs() -> Names:
    """Layers conv1a ... conv6_4, predict_flow6, deconv6, upfeat6, dc_conv7; level 6 of the pyramid runs aa, a, b."""
    parts = {level: ("aa", "a", "b") if level == COARSEST else ("a", "aa", "b") for level in range(1, COARSEST + 1)}
    names = {ours: f"conv{level}{parts[level][i]}.0" for ours, level, i in _pyramid()}
    for level in _LEVELS:
        names |= {ours: f"conv{level}_{i}.0" for ours, i in _convolutions(level)}
        names[f"decoders.{level}.predict"] = f"predict_flow{level}"
        names |= _ups(level, f"deconv{level}", f"upfeat{level}")
    last = len(_PUBLISHED.context)
    return names | {ours: f"dc_conv{i + 1}" + ("" if i == last else ".0") for ours, i in _context()}


def _mmflow() -> Names:
    names = {ours: f"encoder.layers.{level - 1}.layers.{i}.conv" for ours, level, i in _pyramid()}
    for level in _LEVELS:
        decoder = f"decoder.decoders.level{level}"
        names |= {ours: f"{decoder}.dense_net.layers.{i}.layers.conv" for ours, i in _convolutions(level)}
        names[f"decoders.{level}.predict"] = f"{decoder}.predict_layer"
        names |= _ups(level, f"{decoder}.upflow_layer", f"{decoder}.upfeat_layer")
    context, last = "decoder.post_processor.layers", len(_PUBLISHED.context)
    return names | {ours: f"{context}.{i}" + ("" if i == last else ".conv") for ours, i in _context()}


def _pyramid() -> Iterator[tuple[str, int, int]]:
    """Our name, level and index of each convolution of the pyramid."""
    for level in range(1, COARSEST + 1):
        for index in range(_PUBLISHED.convolutions):
            yield f"pyramid.{level - 1}.{2 * index}", level, index


def _convolutions(level: int) -> Iterator[tuple[str, int]]:
    for index in range(len(_PUBLISHED.decoder)):
        yield f"decoders.{level}.convolutions.{index}", index


def _ups(level: int, upflow: str, upfeatures: str) -> Names:
    up = {f"decoders.{level}.upflow": upflow, f"decoders.{level}.upfeatures": upfeatures}
    return {} if level == FINEST else up


def _context() -> Iterator[tuple[str, int]]:
    for index in range(len(_PUBLISHED.context) + 1):
        yield f"context.{2 * index}", index


LAYOUTS = (
    Layout("sniklaus", _sniklaus("module"), _NON_COMMERCIAL, 0.999),
    Layout("sniklaus", _sniklaus("net"), _NON_COMMERCIAL, 0.999),
    Layout("nvlabs", _nvlabs(), _NON_COMMERCIAL, 0.9999, unused=("deconv2",)),
    Layout("ptlflow", _nvlabs(), _NON_COMMERCIAL, 0.9999, bgr=False),
    Layout("mmflow", _mmflow(), "unknown", 0.9999, summed=True),
)


def recognise(names: Iterable[str]) -> Layout | None:
    """Layout that fits names (without .weight and .bias) best, None where it shares none."""
    found = set(names)
    known = [(layout, {*layout.names.values(), *layout.unused}) for layout in LAYOUTS]
    # NVlabs' and ptlflow's share all but NVlabs' unused layer: what is missing decides.
    layout, theirs = max(known, key=lambda candidate: (len(candidate[1] & found), -len(candidate[1] - found)))
    return layout if theirs & found else None


def as_ours(weights: Mapping[str, Tensor], layout: Layout) -> dict[str, Tensor]:
    """The same function of RGB frames, with our names, from weights that bear our names and compute as `layout` does.

    Args:
        weights: Of the published network, with or without its context network; none is changed.
        layout: Whose computation they were trained for.
    """
    ours = dict(weights)
    has_context = "context.0.weight" in weights
    if layout.bgr or not has_context:
        ours["pyramid.0.0.weight"] = weights["pyramid.0.0.weight"].flip(1)
    if layout.summed:
        for name, inputs_axis, first in _readers(has_context):
            ours[name] = _scaled(weights[name], inputs_axis, first, _channels(name))
    return ours


def _readers(has_context: bool) -> Iterator[tuple[str, int, int]]:
    """Weights that read a cost volume, the axis of their inputs, and the first input that belongs to it."""
    for level in _LEVELS:
        # Later outputs stand before earlier ones, and the volume before all other inputs.
        offsets = [sum(_PUBLISHED.decoder[:index]) for index in range(len(_PUBLISHED.decoder) + 1)]
        for name, index in _convolutions(level):
            yield f"{name}.weight", 1, offsets[index]
        yield f"decoders.{level}.predict.weight", 1, offsets[-1]
        if level != FINEST:
            yield f"decoders.{level}.upfeatures.weight", 0, offsets[-1]
    if has_context:
        yield "context.0.weight", 1, sum(_PUBLISHED.decoder)


def _channels(name: str) -> int:
    """Channels of the features whose volume a layer reads."""
    level = int(name.split(".")[1]) if name.startswith("decoders") else FINEST
    return _PUBLISHED.pyramid[level - 1]


def _scaled(weight: Tensor, axis: int, first: int, factor: float) -> Tensor:
    """Weights times a factor for the inputs of one volume: LeakyReLU passes positive factors through."""
    scaled = weight.clone()
    scaled.narrow(axis, first, (2 * RADIUS + 1) ** 2).mul_(factor)
    return scaled
