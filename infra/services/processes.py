"""Processes that outlive the command which started them, and how all of them are found again to be ended.

A process is known by its id and the moment it began, so that an id given anew by the kernel is not mistaken for it.
What it starts may make sessions of its own, as Airflow's tasks do, and may lose its parents; the mark in its
environment stays. (Linux: all is read from /proc.)
"""

import os
import signal
import subprocess
import time
from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

MARK = "PIXELS_SERVICE"
_POLL_S = 0.1
_KILLED_S = 15.0  # within which a process that got SIGKILL is gone, on a loaded machine


@dataclass(frozen=True, slots=True)
class Process:
    """A process of this machine."""

    pid: int
    began_ticks: int  # of the kernel's clock, since the machine started

    @property
    def is_alive(self) -> bool:
        """Whether it runs; one that ended and waits for its parent does not."""
        found = _stat(self.pid)
        return found is not None and found[0] != "Z" and found[1] == self.began_ticks


def start(command: Sequence[str], environment: Mapping[str, str], *, mark: str, folder: Path, log: Path) -> Process:
    """Start a command in a session and process group of its own; what it says is added to `log`.

    Args:
        command: The program and its arguments.
        environment: All of it, but for the mark.
        mark: What it and its descendants are found by.
        folder: In which it works.
        log: Readable by its owner alone.
    """
    # SPT_NOENV: Airflow renames its processes, by default over the memory where /proc reads their environment.
    own = {**environment, MARK: mark, "SPT_NOENV": "1"}
    descriptor = os.open(log, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)
    with os.fdopen(descriptor, "ab") as said:
        started = subprocess.Popen(
            command, cwd=folder, env=own, stdin=subprocess.DEVNULL, stdout=said, stderr=said, start_new_session=True
        )
    found = _stat(started.pid)
    return Process(started.pid, found[1] if found else 0)


def marked(mark: str) -> set[Process]:
    """Living processes of this user whose mark begins like this."""
    wanted = f"{MARK}={mark}".encode()
    found: set[Process] = set()
    for pid in _pids():
        with suppress(OSError):
            settings = Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
            stat = _stat(pid) if any(setting.startswith(wanted) for setting in settings) else None
            found |= {Process(pid, stat[1])} if stat and stat[0] != "Z" else set()
    return found


def end(mark: str, known: Collection[Process], *, patience_s: float) -> list[str]:
    """End all processes whose mark begins like this and those that are known; command lines of what still lives.

    Args:
        mark: Of a service or of a part of it.
        known: Whatever else belongs to it, with its process group.
        patience_s: After SIGTERM, before SIGKILL: a training saves a checkpoint in it.
    """
    for number, within_s in ((signal.SIGTERM, patience_s), (signal.SIGKILL, _KILLED_S)):
        until_s = time.monotonic() + within_s
        _signal(_living(mark, known), number)
        while left := _living(mark, known):
            if time.monotonic() > until_s:
                break
            if number == signal.SIGKILL:  # what was born in between
                _signal(left, number)
            time.sleep(_POLL_S)
        else:
            return []
    return [f"{process.pid} {command_line(process.pid)}" for process in _living(mark, known)]


def command_line(pid: int) -> str:
    """What a process was started with; empty where it is gone."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace").strip()[:200]
    except OSError:
        return ""


def _living(mark: str, known: Collection[Process]) -> set[Process]:
    return marked(mark) | {process for process in known if process.is_alive}


def _signal(processes: Collection[Process], number: signal.Signals) -> None:
    """To each one and to the group that it leads."""
    for process in processes:
        with suppress(ProcessLookupError, PermissionError):
            if os.getpgid(process.pid) == process.pid:
                os.killpg(process.pid, number)
            else:
                os.kill(process.pid, number)


def _pids() -> list[int]:
    return [int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdecimal()]


def _stat(pid: int) -> tuple[str, int] | None:
    """State and start of a process, in the kernel's ticks; None where it is gone."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace").rpartition(") ")[2].split()
    except OSError:
        return None
    return fields[0], int(fields[19])
