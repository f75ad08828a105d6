"""Starts a command, ends it at some moment, and sees what it leaves behind: processes, half files, results.

While `adopting`, this process inherits every orphan of the commands it started (Linux calls that a subreaper), so that
a process which outlives its stage is found whatever session or environment it has made for itself.
"""

import ctypes
import os
import shlex
import signal
import subprocess
import time
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager, suppress
from multiprocessing import resource_tracker
from pathlib import Path

from tests.synth.world import RESULTS, digests, surroundings

_PR_SET_CHILD_SUBREAPER = 36
_POLL_S = 0.005
GONE_S = 30  # on a loaded machine; ray's agents would last a minute


@contextmanager
def adopting() -> Iterator[None]:
    """Within it, orphaned descendants become children of this process."""
    libc = ctypes.CDLL(None, use_errno=True)
    libc.prctl(_PR_SET_CHILD_SUBREAPER, 1)
    try:
        yield
    finally:
        libc.prctl(_PR_SET_CHILD_SUBREAPER, 0)


def start(command: str, workspace: Path, **changes: str) -> subprocess.Popen[bytes]:
    """A command in a session of its own; what it says is appended to the workspace's `.said`."""
    with (workspace / ".said").open("ab") as said:
        return subprocess.Popen(
            shlex.split(command),
            cwd=workspace,
            env=surroundings(workspace, **changes),
            stdin=subprocess.DEVNULL,
            stdout=said,
            stderr=said,
            start_new_session=True,
        )


def finish(command: str, workspace: Path, **changes: str) -> str:
    """Run a command to its good end; what it said."""
    process = start(command, workspace, **changes)
    assert process.wait(timeout=300) == 0, tail(workspace)
    return tail(workspace)


def tail(workspace: Path) -> str:
    """The last that commands of a workspace said."""
    return (workspace / ".said").read_text(errors="replace")[-6000:]


def until(process: subprocess.Popen[bytes], condition: Callable[[], bool], within_s: float = 120) -> None:
    """Wait for a moment in the life of a process; it must still live then."""
    deadline_s = time.monotonic() + within_s
    while not condition():
        assert process.poll() is None, "ended before the moment came"
        assert time.monotonic() < deadline_s, f"not within {within_s} s"
        time.sleep(_POLL_S)


def end(process: subprocess.Popen[bytes], number: signal.Signals, within_s: float = 20) -> int:
    """Send a signal to the process alone, as the kernel does when memory is short; its exit status."""
    process.send_signal(number)
    return process.wait(timeout=within_s)


def descendants(of: int | None = None) -> dict[int, str]:
    """Living processes below one (this one), with their command lines; zombies that were adopted are buried."""
    parents: dict[int, int] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdecimal():
            with suppress(OSError):
                state, parent = (entry / "stat").read_text().rpartition(") ")[2].split()[:2]
                if state != "Z":
                    parents[int(entry.name)] = int(parent)
    found, added = set[int](), {of or os.getpid()}
    while added:
        added = {child for child, parent in parents.items() if parent in added} - found
        found |= added
    return {pid: _command_line(pid) for pid in sorted(found)}


def parent_of(pid: int) -> int:
    """Id of the process that it is a child of now."""
    return int(Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2].split()[1])


def wait_for_no_survivor(known: Collection[int], within_s: float) -> None:
    """Fail with the command lines of processes that are neither `known`, nor this one's own, nor ended in time."""
    deadline_s, spared = time.monotonic() + within_s, {*known, *_own()}
    while left := {pid: line for pid, line in descendants().items() if pid not in spared}:
        if time.monotonic() > deadline_s:
            for pid in left:
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            raise AssertionError(f"alive {within_s} s after their stage: {left}")
        time.sleep(0.05)


def _own() -> list[int]:
    """What multiprocessing keeps for this very process, since some test or library first used it here."""
    tracker: int | None = resource_tracker._resource_tracker._pid  # pyright: ignore - told nowhere else
    return [] if tracker is None else [tracker]


def partials(workspace: Path) -> list[str]:
    """Files and folders under a temporary name."""
    found = (path for path in workspace.rglob("*") if ".partial" in path.name)
    return sorted(str(path.relative_to(workspace)) for path in found)


def damage(path: Path, kind: str) -> None:
    """Damage a file in place, under all its names: "flip" one bit, "cut" its half off, "zero" a block of it."""
    content, middle = bytearray(path.read_bytes()), path.stat().st_size // 2
    if kind == "flip":
        content[middle] ^= 1
    elif kind == "zero":
        content[middle : middle + 4096] = bytes(len(content[middle : middle + 4096]))
    path.chmod(0o644)  # DVC protects what it has cached
    path.write_bytes(content[:middle] if kind == "cut" else content)


def results(workspace: Path) -> dict[str, str]:
    """{path: sha256} of all that the pipeline made."""
    return digests(workspace, RESULTS)


def _command_line(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")[:300]
    except OSError:
        return ""
