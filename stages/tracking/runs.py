"""Live metrics of a training run, without a moment's waiting in its loop.

`LiveRun.log` appends a line to a spool file; stages/tracking/shipper.py, a process of its own, sends the lines to
MLflow and removes the file when all has arrived. What could not be sent (no server, no power) the next run sends.
"""

import fcntl
import hashlib
import json
import os
import subprocess
import sys
import time
from http.client import HTTPException
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.request import urlopen

from stages import layout

_PROJECT = Path(__file__).resolve().parents[2]
_CLOSE_TIMEOUT_S = 60.0  # importing mlflow and making its tables takes up to half of this on a busy machine
_ANSWER_TIMEOUT_S = 0.5
# MLflow would try one request for minutes; the shipper tries again by itself, and hears in between that a run ended.
_IMPATIENT = {"MLFLOW_HTTP_REQUEST_MAX_RETRIES": "0", "MLFLOW_HTTP_REQUEST_TIMEOUT": "10"}
_KILLED_TIMEOUT_S = 3.0  # who is being killed has no time; the shipper goes on alone


def spool_folder() -> Path:
    """Where unsent lines for the current tracking address lie; a hash names it, as an address may hold a password."""
    return layout.store() / "spool" / hashlib.sha256(layout.tracking_uri().encode()).hexdigest()[:16]


def open_run(*, stage: str, model: str, key: str, params: dict[str, Any]) -> "LiveRun":
    """Start the live record of a run; returns at once, whether or not MLflow answers.

    Args:
        stage: Name of the stage, an MLflow tag.
        model: Name of the model, an MLflow tag.
        key: What the run depends on, hashed: the same key continues the same MLflow run.
        params: Nested JSON values; MLflow shows them flattened, joined by dots.
    """
    folder = spool_folder()
    folder.mkdir(parents=True, exist_ok=True)
    spool = folder / f"{time.time_ns()}-{os.getpid()}.jsonl"
    descriptor = os.open(spool, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    # Held by this process and, by inheritance, its shipper: a spool file without a lock is an orphan.
    fcntl.flock(descriptor, fcntl.LOCK_EX)
    run = LiveRun(spool, descriptor)
    run.append({"stage": stage, "model": model, "key": key, "params": params})
    run.ship()
    return run


def join_run(spool: Path) -> "LiveRun":
    """The record of a run in another process, on whichever node, which ships it and will close it."""
    return LiveRun(spool, os.open(spool, os.O_WRONLY | os.O_APPEND | os.O_CLOEXEC))


def answers(uri: str) -> bool:
    """Whether a server says anything, a refusal too, within a moment; what is no http address is taken for a file."""
    if not uri.startswith(("http://", "https://")):
        return True
    try:
        urlopen(f"{_public(uri).rstrip('/')}/health", timeout=_ANSWER_TIMEOUT_S).close()
    except HTTPError:
        return True
    except (OSError, ValueError, HTTPException):
        return False
    return True


def _public(uri: str) -> str:
    """An address without a user's name and password."""
    scheme, mark, rest = uri.partition("://")
    return scheme + mark + rest.rpartition("@")[2]


class LiveRun:
    """A run that is being recorded."""

    def __init__(self, spool: Path, descriptor: int) -> None:
        self.spool, self._descriptor = spool, descriptor
        self._shipper: subprocess.Popen[bytes] | None = None
        self._broken = False

    def ship(self) -> None:
        """Start the shipper, in a session of its own so that a signal to our group leaves it time to finish."""
        path = os.pathsep.join(filter(None, [str(_PROJECT), os.environ.get("PYTHONPATH", "")]))
        self._shipper = subprocess.Popen(
            [sys.executable, "-m", "stages.tracking.shipper", str(self.spool), str(os.getpid())],
            env={**_IMPATIENT, **os.environ, "PYTHONPATH": path, "OMP_NUM_THREADS": "1"},
            stdin=subprocess.DEVNULL,
            pass_fds=[self._descriptor],
            start_new_session=True,
        )

    def log(self, metrics: dict[str, float], step: int, **of_phase: str) -> None:
        """Record values by name, as they stood after `step` steps; `phase`: the name of an opened one, for it, too."""
        self.append({"step": step, "time_ms": time.time_ns() // 1_000_000, "metrics": metrics, **of_phase})

    def phase(self, name: str, params: dict[str, Any]) -> "LivePhase":
        """Open a nested run below this one; by its name the same one is continued."""
        self.append({"phase": name, "params": params})
        return LivePhase(self, name)

    def close(self, status: str) -> None:
        """End the run as FINISHED, FAILED or KILLED and wait, for a bounded time, until MLflow has it.

        A server that does not answer is not waited for: the next run sends what it has missed.
        """
        self.append({"status": status})
        os.close(self._descriptor)
        if not answers(layout.tracking_uri()):
            said = f"live metrics are kept in {self.spool}, the next run sends them"
            print(f"tracking: {_public(layout.tracking_uri())} does not answer; {said}", file=sys.stderr)
        elif self._shipper is not None:
            try:
                self._shipper.wait(_KILLED_TIMEOUT_S if status == "KILLED" else _CLOSE_TIMEOUT_S)
            except subprocess.TimeoutExpired:
                print(f"tracking: still sending {self.spool} to MLflow in the background", file=sys.stderr)

    def append(self, record: dict[str, Any]) -> None:
        """Add one line to the spool file. A full disk costs metrics, not the training: said once, then ignored."""
        try:
            os.write(self._descriptor, (json.dumps(record) + "\n").encode())
        except OSError as error:
            if not self._broken:
                print(f"tracking: live metrics are lost, {self.spool} cannot be written: {error}", file=sys.stderr)
            self._broken = True


class LivePhase:
    """A nested run that is being recorded; whatever it is told, its parent is told, too."""

    def __init__(self, parent: LiveRun, name: str) -> None:
        self._parent, self._name = parent, name

    def log(self, metrics: dict[str, float], step: int) -> None:
        """As of a run."""
        self._parent.log(metrics, step, phase=self._name)

    def phase(self, name: str, params: dict[str, Any]) -> "LivePhase":
        """Another one below the same parent: phases have none of their own."""
        return self._parent.phase(name, params)

    def close(self, status: str) -> None:
        """End the nested run as FINISHED, FAILED or KILLED; returns at once."""
        self._parent.append({"phase": self._name, "phase_status": status})
