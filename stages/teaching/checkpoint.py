"""Checkpoints of a pupil: one file each, named by its step and its bytes' sha256, the last two kept."""

import fcntl
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file

from stages.shards.files import replacing, sha256
from stages.teaching.pupil import Pupil
from stages.training.optimizer import load_state_tensors, state_tensors

_KEPT = 2
_STATE = "state"
_NEW = "new.safetensors"
_PARTS = ("net", "average", "moments")


@dataclass(slots=True)
class Progress:
    """All of a run's progress that is no tensor."""

    step: int = 0  # batches seen
    unlabelled_batches: int = 0  # of them
    larger_batches: int = 0  # of them, made up: larger pairs, fewer of them
    bad_batches: int = 0
    cpu_s: float = 0.0  # of all chunks
    wall_s: float = 0.0
    grown_from: str | None = None  # sha256 of the weights of a smaller network, whose steps and seconds count too
    losses: list[float] = field(default_factory=list[float])  # since the last validation
    unlabelled_losses: list[float] = field(default_factory=list[float])
    history: list[dict[str, float]] = field(default_factory=list[dict[str, float]])


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """The folder, made where it is missing, for one process at a time."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / ".lock").open("w", encoding="utf-8") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield


def save(folder: Path, pupil: Pupil, progress: Progress) -> None:
    """Write a checkpoint, whole or not at all, then drop all but the last two."""
    content = {"net": pupil.net.state_dict(), "average": pupil.average.state_dict()}
    content["moments"] = state_tensors(pupil.net, pupil.optimizer)
    tensors = {f"{part}:{name}": value.contiguous() for part in content for name, value in content[part].items()}
    new = folder / _NEW
    with replacing(new) as temporary:
        save_file(tensors, temporary, metadata={_STATE: json.dumps(asdict(progress))})
    new.replace(folder / f"step-{progress.step:07d}-{sha256(new)}.safetensors")
    for path in found(folder)[:-_KEPT]:
        path.unlink()


def found(folder: Path) -> list[Path]:
    """Checkpoints in order, sound or not."""
    return sorted(folder.glob("step-*.safetensors"))


def resume(folder: Path, pupil: Pupil) -> Progress:
    """Put the newest sound checkpoint into the pupil; a fresh start without one."""
    for path in reversed(found(folder)):
        if sha256(path) == path.stem.rpartition("-")[2]:
            return _restore(path, pupil)
    return Progress()


def _restore(path: Path, pupil: Pupil) -> Progress:
    parts: dict[str, dict[str, Any]] = {part: {} for part in _PARTS}
    try:
        with safe_open(path, framework="pt") as file:
            state = json.loads(file.metadata()[_STATE])
            for key in file.keys():  # noqa: SIM118 - no mapping
                part, _, name = key.partition(":")
                parts[part][name] = file.get_tensor(key)
    except (SafetensorError, KeyError) as error:
        raise ValueError(f"{path}: is no checkpoint of this command ({error}); remove it") from error
    pupil.net.load_state_dict(parts["net"])
    pupil.average.load_state_dict(parts["average"])
    load_state_tensors(pupil.net, pupil.optimizer, parts["moments"])
    return Progress(**state)
