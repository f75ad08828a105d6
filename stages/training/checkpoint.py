"""Checkpoints: whole or absent, checked before use, the last two and the best kept.

A folder step-NNNNNN holds weights.safetensors, optimizer.safetensors and state.json, which has the sha256 of the other
two and of itself.
"""

import fcntl
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, TypeAlias

import torch
from safetensors.torch import load_file, save_file

from stages.shards.files import check_room, naming_a_full_disk, read_json, sha256, sha256_json, sync, write_json
from stages.training.learner import SEPARATOR, Learner
from stages.training.optimizer import load_state_tensors, state_tensors
from stages.training.ranks import ALONE, Ranks
from stages.training.watching import Seen

_KEPT = 2
_PARTIAL = ".partial-"
_WEIGHTS, _OPTIMIZER, _STATE = "weights.safetensors", "optimizer.safetensors", "state.json"
_RANDOM = "random_state"  # of torch's own generator: no draw depends on it today, a dropout layer would


Validation: TypeAlias = dict[str, str | float | int | None]  # phase, step, loss since the last one, si_sdr_db


@dataclass(slots=True)
class TrainingState:
    """All of a run's progress that is neither weight nor moment. Rates and sampler are functions of `step`.

    Of earlier phases it keeps what a finished run must tell of them: history and the count of bad batches.
    """

    step: int = 0  # batches seen, were no phase ended early
    validated_step: int = 0
    bad_batches: int = 0
    bad_in_a_row: int = 0
    losses: list[float] = field(default_factory=list[float])  # since the last validation
    history: list[Validation] = field(default_factory=list[Validation])
    best_step: int | None = None  # of this phase
    best_si_sdr_db: float | None = None
    kinds: list[int] = field(default_factory=list[int])  # of the training videos, where the phase asks for them
    validation_kinds: list[int] = field(default_factory=list[int])
    seen: list[Seen] = field(default_factory=list[Seen])  # before this phase and after each earlier one


class Checkpoints:
    """The checkpoints of one training run."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        for partial in folder.glob(f"{_PARTIAL}*"):
            shutil.rmtree(partial)

    def save(self, learner: Learner, state: TrainingState) -> None:
        """Write a checkpoint, then drop all but the last two and the best."""
        net = learner.net
        weights = {name: value.detach().cpu().contiguous() for name, value in net.state_dict().items()}
        moments = state_tensors(net, learner.optimizer) | {_RANDOM: torch.get_rng_state()}
        num_bytes = sum(tensor.nbytes for tensor in (*weights.values(), *moments.values()))
        with self._partial(self.path(state.step), num_bytes) as partial:
            save_file(weights, partial / _WEIGHTS)
            save_file(moments, partial / _OPTIMIZER)
            content = asdict(state) | {"sha256": {name: sha256(partial / name) for name in (_WEIGHTS, _OPTIMIZER)}}
            write_json(partial / _STATE, content | {"state_sha256": sha256_json(content)})
            _publish(partial, self.path(state.step))
        self._prune(state.best_step)

    def path(self, step: int) -> Path:
        """Folder of a step's checkpoint."""
        return self._folder / f"step-{step:06d}"

    def steps(self) -> list[int]:
        """Steps that have a checkpoint, sound or not, in order."""
        return _steps(self._folder)

    def newest(self) -> TrainingState | None:
        """Of the newest sound checkpoint whose best one is sound too; None without one."""
        for step in reversed(self.steps()):
            content = _sound(self.path(step))
            if content is None:
                continue
            state = TrainingState(**content)
            if state.best_step is None or state.best_step == step or _sound(self.path(state.best_step)) is not None:
                return state
        return None

    def resume(self, learner: Learner) -> TrainingState | None:
        """Put the newest sound checkpoint into the learner; None without one."""
        state = self.newest()
        if state is not None:
            self._restore(learner, state.step)
        return state

    def weights(self, step: int) -> dict[str, torch.Tensor]:
        """The separator's weights in a step's checkpoint."""
        ahead = f"{SEPARATOR}."
        return {name.removeprefix(ahead): value for name, value in self._all(step).items() if name.startswith(ahead)}

    @contextmanager
    def _partial(self, folder: Path, num_bytes: int) -> Iterator[Path]:
        """A temporary folder to write a checkpoint of so many bytes in; gone again unless it was published."""
        check_room(folder, num_bytes)
        partial = Path(tempfile.mkdtemp(prefix=_PARTIAL, dir=self._folder))
        try:
            with naming_a_full_disk(folder, lambda: num_bytes):
                yield partial
        finally:
            shutil.rmtree(partial, ignore_errors=True)

    def _restore(self, learner: Learner, step: int) -> None:
        net = learner.net
        net.load_state_dict(self._all(step))
        moments = load_file(self.path(step) / _OPTIMIZER)
        torch.set_rng_state(moments.pop(_RANDOM))
        load_state_tensors(net, learner.optimizer, moments)

    def _all(self, step: int) -> dict[str, torch.Tensor]:
        return load_file(self.path(step) / _WEIGHTS)

    def _prune(self, best_step: int | None) -> None:
        for step in self.steps()[:-_KEPT]:
            if step != best_step:
                shutil.rmtree(self.path(step))


@contextmanager
def open_checkpoints(folder: Path, ranks: Ranks = ALONE) -> Iterator[Checkpoints]:
    """The checkpoints in `folder`, for one process at a time, or for ranks of which the first alone writes.

    Worktrees of a host may share the store.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / ".lock").open("w", encoding="utf-8") as handle:
        if ranks.rank == 0:
            fcntl.flock(handle, fcntl.LOCK_EX)
        ranks.any(False)  # the others go on once it has the lock
        yield Checkpoints(folder)


def newest_step(folders: Sequence[Path]) -> int:
    """The highest step that has a checkpoint, sound or not, in any of the folders; 0 without one."""
    return max((step for folder in folders for step in _steps(folder)), default=0)


def _steps(folder: Path) -> list[int]:
    return sorted(int(path.name.removeprefix("step-")) for path in folder.glob("step-*"))


def _sound(folder: Path) -> dict[str, Any] | None:
    """Values of a checkpoint's TrainingState if every checksum holds."""
    try:
        content = read_json(folder / _STATE)
        own, files = content.pop("state_sha256"), content["sha256"]
        sound = own == sha256_json(content) and all(files[name] == sha256(folder / name) for name in files)
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None
    del content["sha256"]
    return content if sound else None


def _publish(partial: Path, folder: Path) -> None:
    """Make a finished folder appear under its name at once; one from before (damaged, or interrupted) gives way."""
    for path in (*partial.iterdir(), partial):
        sync(path)
    if folder.exists():
        shutil.rmtree(folder)
    partial.rename(folder)
    sync(folder.parent)
