"""One command of the workspace, `python -m stages ...`, as an Airflow task: what it printed, as JSON, is its result."""

import ctypes
import json
import os
import signal
import subprocess
import sys
import tempfile
from collections import deque
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from airflow.sdk import BaseOperator
from airflow.sdk.exceptions import AirflowException, AirflowFailException

WORKSPACE = Path(os.environ.get("PIXELS_WORKSPACE", Path(__file__).resolve().parents[1])).resolve()

_QUIET = {"DVC_NO_ANALYTICS": "1", "DO_NOT_TRACK": "1"}
_SHOWN_LINES = 20  # of a command that failed
_PR_SET_PDEATHSIG = 1
_LIBC = ctypes.CDLL(None)

Words = Callable[[Mapping[str, Any]], Sequence[str]]  # from the run's params


class Stages(BaseOperator):
    """Run a command to its end; it ends with its task, however that ends.

    A try that may end otherwise next time (os.EX_TEMPFAIL, or a signal that killed the command) is one for Airflow's
    retries; any other failure is final, with the last lines that the command said.

    Args:
        words: What follows `python -m stages`; asked to print JSON.
        accepts: Exit statuses beside 0 that are no failure.
        pick: The part of the JSON that is the result; None: all of it.
    """

    def __init__(self, *, words: Words, accepts: Collection[int] = (), pick: str | None = None, **options: Any) -> None:
        super().__init__(**options)
        self.words, self.accepts, self.pick = words, tuple(accepts), pick
        self._process: subprocess.Popen[str] | None = None

    def execute(self, context: Any) -> Any:
        """The JSON that the command printed."""
        said = self.say(self.words(context["params"]))
        found = json.loads(said)
        return found if self.pick is None else found[self.pick]

    def say(self, words: Sequence[str]) -> str:
        """What the command printed; `AirflowException` or `AirflowFailException` where it failed."""
        command = [str(_tools() / "python"), "-m", "stages", *words]
        self.log.info("in %s: %s", WORKSPACE, " ".join(command))
        last: deque[str] = deque(maxlen=_SHOWN_LINES)
        with tempfile.TemporaryFile("w+", encoding="utf-8") as printed:
            try:
                self._process = _start(command, printed)
                for line in self._process.stderr or ():
                    last.append(line.rstrip())
                    self.log.info("%s", line.rstrip())
                status = self._process.wait()
            finally:
                self.on_kill()
            printed.seek(0)
            said = printed.read()
        if status and status not in self.accepts:
            tail = "\n".join(last or said.splitlines()[-_SHOWN_LINES:])
            again = status in (os.EX_TEMPFAIL, 128 + signal.SIGKILL) or status < 0
            kind = AirflowException if again else AirflowFailException
            raise kind(f"`stages {' '.join(words)}` ended with status {status}:\n{tail}")
        return said

    def on_kill(self) -> None:
        """End the command and all that it started."""
        if self._process is not None:
            with suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGTERM)


def _start(command: Sequence[str], printed: Any) -> subprocess.Popen[str]:
    return subprocess.Popen(
        command,
        cwd=WORKSPACE,
        env={**os.environ, **_QUIET, "PATH": f"{_tools()}{os.pathsep}{os.environ['PATH']}"},
        stdin=subprocess.DEVNULL,
        stdout=printed,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        preexec_fn=_die_with_parent,  # noqa: PLW1509 - one system call, found beforehand: it takes no lock
    )


def _tools() -> Path:
    """The workspace's own Python if it has one, else the one that runs Airflow."""
    own = WORKSPACE / ".venv" / "bin"
    return own if own.is_dir() else Path(sys.executable).parent


def _die_with_parent() -> None:
    if sys.platform == "linux":
        _LIBC.prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
