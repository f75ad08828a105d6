"""Ends what a driver's ray leaves behind: `keeper.py <folder> <driver>`, with a pipe from the driver as stdin.

Ray's processes die with their driver except for the agents, which go on for a minute and, on a machine of two cores,
slow down whoever runs next. Each has its log files open in the folder that was made for this ray; whoever still has one
when the pipe closes, in whatever way the driver ended, is killed. Then the folder is removed.
"""

import os
import shutil
import signal
import sys
import time
from contextlib import suppress
from pathlib import Path

_PROCESSES = Path("/proc")
_DEADLINE_S = 10.0
_PAUSE_S = 0.1
_CALM_SCANS = 3  # a process that was just started opens its log in a moment


def holders(folder: Path, *, but: set[int]) -> list[int]:
    """Processes that have a file below the folder open, or were started with its name in their arguments."""
    pids = {int(entry.name) for entry in _PROCESSES.iterdir() if entry.name.isdecimal()} - but
    return [pid for pid in sorted(pids) if _holds(_PROCESSES / str(pid), folder)]


def end_all(folder: Path, driver: int) -> None:
    """Kill holders until there are none, but for a driver that has shut its ray down and goes on."""
    deadline_s, calm = time.monotonic() + _DEADLINE_S, 0
    while calm < _CALM_SCANS and time.monotonic() < deadline_s:
        found = holders(folder, but={driver, os.getpid()})
        for pid in found:
            with suppress(ProcessLookupError, PermissionError):
                os.kill(pid, signal.SIGKILL)
        calm = 0 if found else calm + 1
        time.sleep(_PAUSE_S)


def _holds(process: Path, folder: Path) -> bool:
    below = f"{folder}{os.sep}"
    with suppress(OSError):
        if below.encode() in (process / "cmdline").read_bytes():
            return True
        return any(_target(descriptor).startswith(below) for descriptor in (process / "fd").iterdir())
    return False


def _target(descriptor: Path) -> str:
    with suppress(OSError):
        return os.readlink(descriptor)  # noqa: PTH115 - Path.readlink would mend what is no path, `pipe:[7]`
    return ""


if __name__ == "__main__":
    sys.stdin.buffer.read()
    _folder = Path(sys.argv[1])
    if _PROCESSES.is_dir():
        end_all(_folder, int(sys.argv[2]))
    shutil.rmtree(_folder, ignore_errors=True)
