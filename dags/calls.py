"""Commands as tasks call them: output goes to the log as it comes, its end is kept, a failure says if it may pass."""

import ctypes
import io
import os
import re
import signal
import subprocess
import sys
import tempfile
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

KEPT_LINES = 20
_GRACE_S = 60  # training leaves a checkpoint when it is told to end
_PR_SET_PDEATHSIG = 1
_LIBC = ctypes.CDLL(None)  # looked up before the fork: nothing may be loaded after it
_STAGE_ENDED = re.compile(r"exited with (-?\d+)\s*$")  # DVC's own status is 255 whatever a stage's was
_CRASHED = "Traceback (most recent call last)"
_WRONG, REFUSED = 1, 3


@dataclass(frozen=True, slots=True)
class Said:
    """How a command ended: its status (negative: the signal), the last lines of its output, and its answer."""

    status: int
    lines: tuple[str, ...]
    crashed: bool = False  # an exception nobody foresaw, rather than a problem that is named
    answer: str = ""  # stdout, where it was kept apart

    @property
    def stage_status(self) -> int:
        """Status of the stage that DVC ran, or of the command itself."""
        ends = [int(found[1]) for line in self.lines if (found := _STAGE_ENDED.search(line))]
        return ends[-1] if ends else self.status

    @property
    def is_final(self) -> bool:
        """Whether the same call would end the same: wrong input or params, or a refusal; else another try may help."""
        return self.stage_status == REFUSED or (self.stage_status == _WRONG and not self.crashed)


class Call:
    """Runs one command at a time, in a process group that ends with the task."""

    def __init__(self, folder: Path, environment: Mapping[str, str], say: Callable[[str], None]) -> None:
        self._folder, self._environment, self._say = folder, dict(environment), say
        self._process: subprocess.Popen[bytes] | None = None

    def run(self, command: Sequence[str]) -> Said:
        """Run to its end; stdout and stderr go to the log as they come."""
        return self._run(command, None)

    def ask(self, command: Sequence[str]) -> Said:
        """Run to its end and keep stdout as the answer; stderr goes to the log."""
        with tempfile.TemporaryFile("w+", encoding="utf-8") as answer:
            said = self._run(command, answer.fileno())
            answer.seek(0)
            return replace(said, answer=answer.read())

    def stop(self) -> None:
        """Ask the command to end, with all that it started and that may outlive it."""
        if self._process is not None:
            with suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGTERM)

    def _run(self, command: Sequence[str], answer: int | None) -> Said:
        self._say(f"$ {' '.join(command)}")
        self._process = subprocess.Popen(
            command,
            cwd=self._folder,
            env=self._environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE if answer is None else answer,
            stderr=subprocess.STDOUT if answer is None else subprocess.PIPE,
            start_new_session=True,
            preexec_fn=_die_with_parent if sys.platform == "linux" else None,  # noqa: PLW1509 - one call of libc
        )
        try:
            return self._follow(self._process)
        finally:
            self._end(self._process)

    def _follow(self, process: "subprocess.Popen[bytes]") -> Said:
        last: deque[str] = deque(maxlen=KEPT_LINES)
        crashed = False
        pipe = process.stdout or process.stderr
        assert pipe is not None
        for line in io.TextIOWrapper(pipe, encoding="utf-8", errors="replace", newline="\n"):
            text = line.rstrip().rpartition("\r")[2]  # a progress bar's last state
            if text:
                crashed |= text.startswith(_CRASHED)
                last.append(text)
                self._say(text)
        return Said(process.wait(), tuple(last), crashed)

    def _end(self, process: "subprocess.Popen[bytes]") -> None:
        """After a timeout or an error of our own the command must not go on unseen."""
        self.stop()
        try:
            process.wait(_GRACE_S)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def _die_with_parent() -> None:
    """A task that is killed takes DVC with it, and DVC its stage: a retry then finds no second writer."""
    _LIBC.prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
