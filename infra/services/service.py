"""A service of a workspace: its parts, what is remembered of them in .services/<name>/, and how it comes and goes."""

import fcntl
import json
import os
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from infra.services import ports, processes
from infra.services.processes import Process

LOOPBACK = "127.0.0.1"
_PATIENCE_S = 20.0  # a training that got SIGTERM saves a checkpoint in ten
_POLL_S = 0.5
_LAST_LINES = 15


class ServiceError(Exception):
    """A service that could not be started or ended as asked, and why."""


@dataclass(frozen=True, slots=True)
class Part:
    """One long-lived process of a service."""

    name: str
    command: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Started:
    """A part that was started, alive or not."""

    process: Process
    began_s: float  # since 1970


class Service:
    """The parts of one service of one workspace."""

    def __init__(self, name: str, workspace: Path) -> None:
        self.name = name
        self._folder = workspace / ".services" / name
        self._mark = f"{name} of {workspace}: "

    def log(self, part: str) -> Path:
        """What a part says."""
        return self._folder / f"{part}.log"

    @property
    def port(self) -> int | None:
        """On which it was started; None: it is not remembered."""
        return self._state().get("port")

    @property
    def started(self) -> dict[str, Started]:
        """Parts that were started and not ended since, by name."""
        parts: dict[str, Any] = self._state().get("parts", {})
        return {
            name: Started(Process(part["pid"], part["began_ticks"]), part["began_s"]) for name, part in parts.items()
        }

    @property
    def alive(self) -> set[str]:
        """Names of the parts that run."""
        return {name for name, part in self.started.items() if part.process.is_alive}

    @property
    def processes(self) -> set[Process]:
        """All that runs of it: parts, and what they started."""
        parts = {part.process for part in self.started.values() if part.process.is_alive}
        return parts | processes.marked(self._mark)

    @contextmanager
    def alone(self) -> Iterator[None]:
        """One command at a time starts or ends a service of a workspace."""
        self._folder.mkdir(parents=True, exist_ok=True)
        with (self._folder / "lock").open("w", encoding="utf-8") as handle:
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                print(f"{self.name}: another command starts or ends it; waiting", file=sys.stderr, flush=True)
                fcntl.flock(handle, fcntl.LOCK_EX)
            yield

    def sweep(self, part: str) -> None:
        """End what a part that died may have left: a scheduler's tasks, which its successor would start once more."""
        self._end([part], self._marked(part))

    def require_port(self, port: int) -> None:
        """Refuse a port that somebody else listens on."""
        if not ports.is_free(port):
            who = ports.holder(port) or "somebody who cannot be seen from here"
            raise ServiceError(f"port {port} is taken by {who}; end that, or choose another: make {self.name} PORT=...")

    def start(self, part: Part, environment: Mapping[str, str], *, port: int, folder: Path) -> None:
        """Start one part in a process group of its own."""
        process = processes.start(
            part.command, environment, mark=self._marked(part.name), folder=folder, log=self.log(part.name)
        )
        entry = {"pid": process.pid, "began_ticks": process.began_ticks, "began_s": time.time()}
        self._write({"port": port, "parts": {**self._state().get("parts", {}), part.name: entry}})

    def wait(self, missing: Callable[[], str], within_s: float) -> None:
        """Wait until nothing is `missing` any more; `ServiceError` when a part ends before, or it takes too long."""
        until_s = time.monotonic() + within_s
        while what := _asked(missing):
            if ended := sorted(self.started.keys() - self.alive):
                raise ServiceError(f"{ended[0]} ended by itself:\n{self.last_lines(ended[0])}")
            if time.monotonic() > until_s:
                said = "\n".join(self.last_lines(part) for part in sorted(self.started))
                raise ServiceError(f"not healthy within {within_s:.0f} s, {what}:\n{said}")
            time.sleep(_POLL_S)

    def last_lines(self, part: str) -> str:
        """The end of a part's log, under its name."""
        path = self.log(part)
        lines = path.read_text(encoding="utf-8", errors="replace").splitlines() if path.exists() else []
        return "\n".join([f"{path}:", *(f"  {line}" for line in lines[-_LAST_LINES:])])

    def end(self, first: str | None = None) -> int:
        """End all that runs of it, and forget it; how many processes that were.

        Args:
            first: A part that ends before the others, since it has to tell them something.
        """
        found = len(self.processes)
        if first is not None:
            self.sweep(first)
        self._end(list(self.started), self._mark)
        self._state_file.unlink(missing_ok=True)
        return found

    def _end(self, parts: Sequence[str], mark: str) -> None:
        known = [part.process for name, part in self.started.items() if name in parts]
        if left := processes.end(mark, known, patience_s=_PATIENCE_S):
            raise ServiceError(f"{len(left)} processes do not end, not even by SIGKILL:\n" + "\n".join(left))

    def _marked(self, part: str) -> str:
        return f"{self._mark}{part};"

    @property
    def _state_file(self) -> Path:
        return self._folder / "state.json"

    def _state(self) -> dict[str, Any]:
        try:
            return json.loads(self._state_file.read_text(encoding="utf-8"))
        except FileNotFoundError:
            return {}

    def _write(self, state: Mapping[str, Any]) -> None:
        write_private(self._state_file, json.dumps(state, indent=2) + "\n")


def _asked(missing: Callable[[], str]) -> str:
    try:
        return missing()
    except OSError as error:  # those of urllib are such
        return str(error)


def write_private(path: Path, text: str) -> None:
    """Write a file for its owner alone; it is there whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{path.name}.partial")
    partial.unlink(missing_ok=True)
    with os.fdopen(os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600), "w") as handle:
        handle.write(text)
    partial.rename(path)
