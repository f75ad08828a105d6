"""Files of PWC-Net weights: safetensors of our own, and checkpoints of other code that users bring."""

import json
import pickle
from collections.abc import Collection, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from stages.motion.layouts import LAYOUTS, Layout, as_ours, recognise
from stages.motion.pwcnet import PRESETS, Architecture, Origin, Preset, PWCNet
from stages.shards.files import replacing, sha256

WEIGHTS_SCHEMA_VERSION = 1  # of the metadata
_CARD = "pwcnet"  # the only key of the metadata: safetensors writes several in any order
_NAMES_SHOWN = 4
_TRAINED = Path(__file__).with_name("trained")
SHIPPED = "shipped"  # instead of a file's name: the weights that come with this project
SHIPPED_SHA256: dict[Preset, str] = {
    "lite": "fbb161f3f246603df3531d63ea0737531e5303628a0078e2c45984b3c864d9ee",
    "default": "c263ba2963d51e1324c448463bddeaa8e4783d6286621cbf7a1206f3a55cf4c8",
}


class WeightsError(ValueError):
    """A file holds no weights that the network of a preset can use."""


def save(net: PWCNet, path: Path, *, preset: Preset, licence: str, half: bool) -> None:
    """Write weights as safetensors, whole or not at all; the same weights give the same bytes.

    Args:
        net: Of the preset, with or without its context network.
        path: Replaced where it exists.
        preset: Told when the file is read.
        licence: SPDX expression, recorded with whatever the weights make.
        half: Store float16, half the size.
    """
    made = net.architecture
    normalised, in_bounds, context = made.normalised, made.in_bounds, bool(made.context)
    if _variant(preset, normalised=normalised, in_bounds=in_bounds, context=context) != made:
        raise ValueError(f"{path}: the network is no {preset}: {made}, expected {PRESETS[preset]}")
    card = {
        "schema_version": WEIGHTS_SCHEMA_VERSION,
        "preset": preset,
        "licence": licence,
        "normalised": normalised,
        "in_bounds": in_bounds,
        "context": context,
    }
    stored = torch.float16 if half else torch.float32
    tensors = {name: value.detach().to("cpu", stored).contiguous() for name, value in net.state_dict().items()}
    with replacing(path) as temporary:
        save_file(tensors, temporary, metadata={_CARD: json.dumps(card, sort_keys=True)})


def load(preset: Preset, path: Path, expected_sha256: str | None = None) -> PWCNet:
    """Read a network's weights onto the CPU, in float32; its `origin` tells their licence.

    Args:
        preset: Which network. Checkpoints of other code are `default`, with or without its context network.
        path: What `save` wrote, or a checkpoint as safetensors or as torch.save writes it, of sniklaus/pytorch-pwc,
            NVlabs/PWC-Net, ptlflow or mmflow. Nothing but tensors is unpickled.
        expected_sha256: Refuse any other file.

    Returns:
        A network that takes RGB whatever the checkpoint was trained on, and gives what the checkpoint's own code does.
    """
    found = sha256(path)
    if expected_sha256 not in (None, found):
        raise WeightsError(f"{path}: sha256 {found}, expected {expected_sha256}; the file is damaged or another one")
    card, tensors = _read(path)
    weights = {name: tensor.float() for name, tensor in tensors.items()}
    if card is None:
        layout = _layout(preset, path, weights)
        architecture, weights = _translated(path, layout, weights)
        origin = Origin(layout.name, layout.licence, found)
    else:
        architecture = _architecture(preset, path, card)
        origin = Origin("own", card["licence"], found)
    net = PWCNet(architecture)
    _check(path, weights, net.state_dict())
    net.load_state_dict(weights)
    net.origin = origin
    return net.eval()


def shipped(preset: Preset) -> Path:
    """File of the weights of a preset that come with this project, made by its own command `flow-weights`."""
    return _TRAINED / f"{preset}.safetensors"


def load_shipped(preset: Preset) -> PWCNet:
    """The shipped weights of a preset, if they are those that were committed."""
    if preset not in SHIPPED_SHA256:
        raise WeightsError(
            f"no weights of the preset {preset} are shipped, only {_some(SHIPPED_SHA256)}; teach some with "
            f"`python -m stages flow-weights {preset}`"
        )
    return load(preset, shipped(preset), SHIPPED_SHA256[preset])


def _read(path: Path) -> tuple[dict[str, Any] | None, dict[str, Tensor]]:
    """Our card, None where the file has none, and all tensors by name."""
    if path.suffix != ".safetensors":
        return None, _unpickled(path)
    try:
        with safe_open(path, framework="pt") as file:
            card = (file.metadata() or {}).get(_CARD)
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - no mapping
    except SafetensorError as error:
        raise WeightsError(f"{path}: is no safetensors file ({error}): damaged or cut short; fetch it anew") from error
    return json.loads(card) if card else None, tensors


def _unpickled(path: Path) -> dict[str, Tensor]:
    """Tensors of a file of torch.save: a state dict, or a checkpoint with one under `state_dict`."""
    try:
        content = torch.load(path, map_location="cpu", weights_only=True)
    except (pickle.UnpicklingError, RuntimeError, EOFError, ValueError) as error:
        raise WeightsError(
            f"{path}: torch.load(weights_only=True) refuses it: it is damaged, or holds Python objects, which could "
            f"run code. Where you trust it, keep its tensors alone: torch.save(checkpoint['state_dict'], 'weights.pth')"
        ) from error
    if isinstance(content, Mapping):
        content = cast(Mapping[str, Any], content).get("state_dict", content)
    if not isinstance(content, Mapping):
        raise WeightsError(f"{path}: holds a {type(content).__name__}, expected a state dict: tensors by name")
    tensors = {str(name): value for name, value in content.items() if isinstance(value, Tensor)}
    wrapped = "module."  # of DataParallel; sniklaus' moduleTwo has no point there
    bare = tensors and all(name.startswith(wrapped) for name in tensors)
    return {name.removeprefix(wrapped): value for name, value in tensors.items()} if bare else tensors


def _architecture(preset: Preset, path: Path, card: Mapping[str, Any]) -> Architecture:
    """What a file of our own was made for."""
    if card["schema_version"] != WEIGHTS_SCHEMA_VERSION:
        raise WeightsError(
            f"{path}: schema version {card['schema_version']}, expected {WEIGHTS_SCHEMA_VERSION}; the file was made by "
            f"another version of this project"
        )
    if card["preset"] != preset:
        raise WeightsError(f"{path}: holds weights of the preset {card['preset']}, expected {preset}; name that preset")
    return _variant(preset, normalised=card["normalised"], in_bounds=card["in_bounds"], context=card["context"])


def _layout(preset: Preset, path: Path, weights: Mapping[str, Tensor]) -> Layout:
    """Whose names a file without our card bears."""
    known = ", ".join(dict.fromkeys(layout.name for layout in LAYOUTS))
    layout = recognise(name.rpartition(".")[0] for name in weights)
    if layout is None:
        raise WeightsError(
            f"{path}: no PWC-Net whose names are known: it holds {_some(weights)}; known are files of this project and "
            f"the layouts {known}"
        )
    if preset != "default":
        raise WeightsError(
            f"{path}: is a published network ({layout.name}), which the preset default holds, not {preset}; "
            f"name the preset default"
        )
    return layout


def _translated(path: Path, layout: Layout, theirs: Mapping[str, Tensor]) -> tuple[Architecture, dict[str, Tensor]]:
    """The published network, and its weights by our names."""
    ends = (".weight", ".bias")
    unused = {name + end for name in layout.unused for end in ends}
    names = {their + end: our + end for our, their in layout.names.items() for end in ends}
    context = {their for their, our in names.items() if our.startswith("context.")}
    with_context = not context.isdisjoint(theirs)
    expected = set(names) if with_context else set(names) - context
    missing, unknown = sorted(expected - set(theirs)), sorted(set(theirs) - expected - unused)
    if missing or unknown:
        raise WeightsError(
            f"{path}: looks like {layout.name}, but {len(missing)} names are missing ({_some(missing)}) and "
            f"{len(unknown)} are unknown ({_some(unknown)}): another network than the published one, such as one "
            f"with two convolutions a level; it can't be used"
        )
    architecture = _variant("default", normalised=False, in_bounds=layout.in_bounds, context=with_context)
    ours = {names[name]: value for name, value in theirs.items() if name in names}
    _check(path, ours, PWCNet(architecture).state_dict())
    return architecture, as_ours(ours, layout)


def _check(path: Path, weights: Mapping[str, Tensor], expected: Mapping[str, Tensor]) -> None:
    """Refuse weights of other names or shapes than a network's, and numbers that are none."""
    if set(weights) != set(expected):
        raise WeightsError(
            f"{path}: lacks {_some(sorted(set(expected) - set(weights)))} and has unknown "
            f"{_some(sorted(set(weights) - set(expected)))}; the file was made by another version of this project"
        )
    shapes = {name: (tuple(weights[name].shape), tuple(expected[name].shape)) for name in expected}
    wrong = [f"{name} {found}, expected {shape}" for name, (found, shape) in shapes.items() if found != shape]
    if wrong:
        raise WeightsError(f"{path}: shapes differ from the network's: {_some(wrong)}; it is another network's file")
    broken = [name for name, weight in weights.items() if not weight.isfinite().all()]
    if broken:
        raise WeightsError(f"{path}: NaN or infinity in {_some(broken)}; the file is damaged or its training failed")


def _some(names: Collection[str]) -> str:
    """The first few of many."""
    shown = ", ".join(list(names)[:_NAMES_SHOWN])
    return (shown or "none") + (" ..." if len(names) > _NAMES_SHOWN else "")


def _variant(preset: Preset, *, normalised: bool, in_bounds: float, context: bool) -> Architecture:
    """The preset, but for what a file may choose."""
    widths = PRESETS[preset].context if context else ()
    return replace(PRESETS[preset], normalised=normalised, in_bounds=in_bounds, context=widths)
