"""Where the ResNet-18 of the appearance network starts from: noise, a file, or what it has learnt on ImageNet."""

import pickle
import re
import socket
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast
from urllib.error import URLError

import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor

from stages.networks.appearance import AppearanceNetwork
from stages.separators import FROM_IMAGENET, FROM_NOISE
from stages.shards.files import sha256

_HUB = "https://download.pytorch.org/models/resnet18-f37072fd.pth"  # torchvision's ResNet18_Weights.IMAGENET1K_V1
# Beginnings of the sha256 of files that torchvision has published, of the same weights.
_TORCHVISION = ("f37072fd", "5c106cde")
_IMAGENET_LICENCE = "BSD-3-Clause (torchvision), learnt from ImageNet, whose terms allow research alone"
_SECONDS_TO_ANSWER = 30.0
_NAMES_SHOWN = 4
_COUNTER = "num_batches_tracked"  # older files lack it


class ResNetError(ValueError):
    """There are no weights that the ResNet could start from."""


@dataclass(frozen=True, slots=True)
class Start:
    """A file of weights as torchvision names them."""

    path: Path
    name: str  # as params.yaml says
    sha256: str

    @property
    def licence(self) -> str:
        """As its metadata says, where it is a safetensors file with a `licence`; torchvision's files are known."""
        if self.sha256.startswith(_TORCHVISION):
            return _IMAGENET_LICENCE
        return _read(self.path)[0].get("licence", "unknown")

    @property
    def card(self) -> dict[str, str]:
        """For model.json."""
        return {"name": self.name, "sha256": self.sha256, "licence": self.licence}


def find_start(weights: str, folder: Path) -> Start | None:
    """The file that `appearance.weights` asks for, fetched where it is none of the folder's; None for noise.

    Raises:
        ResNetError: There is no such file, or no hub that has it.
    """
    if weights == FROM_NOISE:
        return None
    path = _fetched() if weights == FROM_IMAGENET else folder / weights
    if not path.is_file():
        raise ResNetError(
            f"{path}: appearance.weights names a file that is not there; put a state dict of torchvision's resnet18 in "
            f"{folder}/, or set it to {FROM_IMAGENET} or {FROM_NOISE}"
        )
    return Start(path, weights, sha256(path))


@torch.no_grad()
def start_from(net: AppearanceNetwork, start: Start) -> None:
    """Give the network's ResNet the weights of a file; the layer behind it keeps its own.

    Raises:
        ResNetError: Names or shapes are not those of a ResNet-18 with 64 base channels.
    """
    found = {_our_name(name): value for name, value in _read(start.path)[1].items() if not name.startswith("fc.")}
    own = net.trunk.state_dict()
    missing = sorted(name for name in set(own) - set(found) if not name.endswith(_COUNTER))
    unknown = sorted(set(found) - set(own))
    shapes = {name: (tuple(found[name].shape), tuple(own[name].shape)) for name in set(found) & set(own)}
    wrong = sorted(f"{name} {theirs}, expected {ours}" for name, (theirs, ours) in shapes.items() if theirs != ours)
    if missing or unknown or wrong:
        raise ResNetError(
            f"{start.path}: is no state dict of torchvision's resnet18: lacks {_some(missing)}; has unknown "
            f"{_some(unknown)}; of other shapes {_some(wrong)}"
        )
    broken = sorted(name for name, value in found.items() if not value.isfinite().all())
    if broken:
        raise ResNetError(f"{start.path}: NaN or infinity in {_some(broken)}; the file is damaged")
    for name, value in own.items():
        if name in found:
            value.copy_(found[name])


def _our_name(name: str) -> str:
    """`layer2.0.bn1.weight` -> `6.norm1.weight`: the trunk is a row of layers, two blocks to each group."""
    name = re.sub(r"^layer(\d)\.(\d)\.", lambda at: f"{2 + 2 * int(at[1]) + int(at[2])}.", name)
    name = re.sub(r"^conv1\.", "0.", re.sub(r"^bn1\.", "1.", name))
    return name.replace(".bn", ".norm").replace(".downsample.", ".shortcut.")


def _fetched() -> Path:
    """File of torchvision in torch's own cache, from the hub where it is not there yet."""
    path = Path(torch.hub.get_dir()) / "checkpoints" / _HUB.rpartition("/")[2]
    if not path.is_file():
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            with _patience(_SECONDS_TO_ANSWER):
                torch.hub.download_url_to_file(_HUB, str(path), hash_prefix=_TORCHVISION[0], progress=False)
        except (URLError, OSError, RuntimeError) as error:
            raise ResNetError(
                f"appearance.weights {FROM_IMAGENET}: {_HUB} cannot be fetched ({error}); fetch it elsewhere, put it "
                f"in weights/ and name it there, or set appearance.weights to {FROM_NOISE}"
            ) from error
    return path


@contextmanager
def _patience(seconds: float) -> Iterator[None]:
    """So long a silence of the hub is an error; torch itself would wait for ever."""
    before = socket.getdefaulttimeout()
    socket.setdefaulttimeout(seconds)
    try:
        yield
    finally:
        socket.setdefaulttimeout(before)


def _read(path: Path) -> tuple[dict[str, str], dict[str, Tensor]]:
    """Metadata and tensors of a safetensors file, or tensors of one by torch.save; nothing else is unpickled."""
    try:
        if path.suffix == ".safetensors":
            with safe_open(path, framework="pt") as file:
                tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - no mapping
                return file.metadata() or {}, tensors
        content = torch.load(path, map_location="cpu", weights_only=True)
    except (SafetensorError, pickle.UnpicklingError, RuntimeError, EOFError, ValueError) as error:
        raise ResNetError(f"{path}: holds more, or less, than tensors: {error}") from error
    if not isinstance(content, dict):
        raise ResNetError(f"{path}: holds a {type(content).__name__}, expected a state dict: tensors by name")
    named = cast(dict[str, Any], content).items()
    return {}, {name: value for name, value in named if isinstance(value, Tensor)}


def _some(names: Collection[str]) -> str:
    shown = ", ".join(list(names)[:_NAMES_SHOWN])
    return (shown or "nothing") + (" ..." if len(names) > _NAMES_SHOWN else "")
