"""Runs ffmpeg and ffprobe on bytes that nobody vouches for.

They get one open file and pipes, an empty environment, limits on memory, CPU time, files and wall time, a session of
their own that is killed as a whole, and, where bubblewrap works, no network and nothing of the disk but /usr.
"""

import fcntl
import os
import selectors
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from functools import cache
from io import FileIO
from pathlib import Path
from typing import IO, Protocol

from stages.media.faults import MediaError

_MEMORY_KIB = 2 * 1024**2
_FILE_BLOCKS = 32 * 1024  # of 512 bytes: only standard error is a file
_OPEN_FILES = 256
_CHUNK_BYTES = 1 << 18
_PIPE_BYTES = 1 << 20  # decoding 60 s of 640x360 took 12 % less CPU time than with the usual 64 KiB
_ERROR_BYTES = 1 << 16
_ENVIRONMENT = {"PATH": "/usr/local/bin:/usr/bin:/bin", "LC_ALL": "C"}
_ROOM = (
    *("--unshare-all", "--die-with-parent", "--cap-drop", "ALL", "--ro-bind", "/usr", "/usr"),
    *("--symlink", "usr/lib", "/lib", "--symlink", "usr/lib64", "/lib64", "--symlink", "usr/bin", "/bin"),
    # shared libraries are found through these two on Debian
    *(
        "--ro-bind-try",
        "/etc/alternatives",
        "/etc/alternatives",
        "--ro-bind-try",
        "/etc/ld.so.cache",
        "/etc/ld.so.cache",
    ),
    # without a first process of bubblewrap's own, which it would leave behind as a zombie
    *("--as-pid-1", "--proc", "/proc", "--dev", "/dev", "--chdir", "/", "--"),
)


class ToolError(OSError):
    """A program that media need is not installed."""


class Sink(Protocol):
    """Takes what a program writes into one pipe, in pieces of any size."""

    def feed(self, data: bytes) -> None:
        """Take the next bytes."""
        ...


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a program ended: exit status, and the lines it wrote to standard error (at most 64 KiB of them)."""

    status: int
    errors: tuple[str, ...]


def run(
    command: Callable[[Sequence[int]], Sequence[str]],
    *,
    sinks: Sequence[Sink],
    descriptor: int,
    timeout_s: float,
) -> Outcome:
    """Run a program in the sandbox and hand what it writes to the sinks while it runs.

    Args:
        command: Makes the argument list from the descriptor numbers of the pipes, one a sink; the first is stdout.
        sinks: One for each pipe.
        descriptor: The open file that the program may read, under the same number.
        timeout_s: Wall time after which all its processes are killed and `MediaError` "timeout" is raised.
    """
    deadline_s = time.monotonic() + timeout_s
    with ExitStack() as stack:
        pipes = [_pipe(stack) for _ in sinks]
        errors: IO[bytes] = stack.enter_context(tempfile.TemporaryFile())
        numbers = [1, *(write.fileno() for _, write in pipes[1:])]
        process = subprocess.Popen(
            confined(command(numbers), cpu_s=int(timeout_s) + 1),
            stdin=subprocess.DEVNULL,
            stdout=pipes[0][1],
            stderr=errors,
            pass_fds=[descriptor, *numbers[1:]],
            env=_ENVIRONMENT,
            cwd="/",
            start_new_session=True,
        )
        stack.callback(_end, process)
        for _, write in pipes:
            write.close()
        _drain({read: sink for (read, _), sink in zip(pipes, sinks, strict=True)}, deadline_s)
        return Outcome(_wait(process, deadline_s), _lines(errors))


def confined(command: Sequence[str], *, cpu_s: int) -> list[str]:
    """The same command under resource limits and, where it works, in a bubblewrap room."""
    limits = (
        f"ulimit -c 0; ulimit -t {cpu_s}; ulimit -f {_FILE_BLOCKS}; ulimit -n {_OPEN_FILES}; ulimit -v {_MEMORY_KIB}"
    )
    room = (bubblewrap(), *_ROOM) if bubblewrap() and Path(command[0]).is_relative_to("/usr") else ()
    return ["/bin/sh", "-c", f'{limits}; exec "$@"', "sh", *room, *command]


@cache
def tool(name: str) -> str:
    """Real path of a program; `ToolError` says how to get it."""
    found = shutil.which(name)
    if found is None:
        raise ToolError(f"{name} is not installed; on Debian and Ubuntu: sudo apt-get install ffmpeg")
    return str(Path(found).resolve())


@cache
def version() -> str:
    """First line that ffmpeg says about itself: its results may change with it."""
    said = subprocess.run([tool("ffmpeg"), "-version"], capture_output=True, check=True, timeout=20)
    return said.stdout.decode("utf-8", errors="replace").partition("\n")[0]


@cache
def bubblewrap() -> str:
    """Path of a bubblewrap that this machine allows to work, else an empty string."""
    path = shutil.which("bwrap") or ""
    if not path:
        return ""
    trial = subprocess.run([path, *_ROOM, "/usr/bin/true"], capture_output=True, check=False, timeout=20)
    return path if trial.returncode == 0 else ""


def _pipe(stack: ExitStack) -> tuple[FileIO, FileIO]:
    read, write = os.pipe()
    with suppress(OSError):  # the system's bound on all pipes of a user; a small one costs time only
        fcntl.fcntl(write, fcntl.F_SETPIPE_SZ, _PIPE_BYTES)
    return stack.enter_context(FileIO(read, "rb")), stack.enter_context(FileIO(write, "wb"))


def _drain(sinks: dict[FileIO, Sink], deadline_s: float) -> None:
    """Read all pipes at once until each is closed: a program that waits for one full pipe would wait for ever."""
    with selectors.DefaultSelector() as selector:
        for pipe, sink in sinks.items():
            selector.register(pipe, selectors.EVENT_READ, sink)
        while selector.get_map():
            ready = selector.select(max(0.0, deadline_s - time.monotonic()))
            if not ready or time.monotonic() > deadline_s:
                raise MediaError("timeout", "not done within the time limit")
            for key, _ in ready:
                data = os.read(key.fd, _CHUNK_BYTES)
                if data:
                    key.data.feed(data)
                else:
                    selector.unregister(key.fileobj)


def _wait(process: subprocess.Popen[bytes], deadline_s: float) -> int:
    try:
        return process.wait(max(0.1, deadline_s - time.monotonic()))
    except subprocess.TimeoutExpired as error:
        raise MediaError("timeout", "not done within the time limit") from error


def _end(process: subprocess.Popen[bytes]) -> None:
    """Kill the whole session of a program that is still running, and collect it."""
    if process.poll() is None:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def _lines(errors: IO[bytes]) -> tuple[str, ...]:
    errors.seek(0)
    text = errors.read(_ERROR_BYTES).decode("utf-8", errors="replace")
    return tuple(line for line in text.splitlines() if line.strip())
