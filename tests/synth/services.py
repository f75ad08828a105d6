"""Airflow and MLflow of a workspace, started and ended by the commands that the Makefile calls."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from typing import Any

from infra.services import airflow, mlflow
from infra.services.rest import Rest
from infra.services.service import Service
from tests.synth.world import ROOT, surroundings

_POLL_S = 0.5

# Ends the services of tests that were killed themselves: nothing else would.
_GUARD = """
import subprocess, sys
sys.stdin.read()  # which ends when whoever holds the other end dies
subprocess.run([sys.executable, "-m", "infra.services", "down"], stdin=subprocess.DEVNULL)
"""


class Servers:
    """The two services of one workspace, on ports of their own."""

    def __init__(self, workspace: Path, **changes: str) -> None:
        self.workspace = workspace
        self.airflow, self.mlflow = Service("airflow", workspace), Service("mlflow", workspace)
        self.airflow_port, self.mlflow_port = free_ports(2)
        # Airflow's parts are told by the service where MLflow is.
        own = {name: value for name, value in surroundings(workspace).items() if name != "MLFLOW_TRACKING_URI"}
        self.environment = {**own, "PIXELS_WORKSPACE": str(workspace), **changes}

    def call(self, command: str, *options: str) -> "subprocess.CompletedProcess[str]":
        """`python -m infra.services COMMAND`, stdout and stderr together."""
        return subprocess.run(
            [sys.executable, "-m", "infra.services", command, *options],
            cwd=ROOT,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )

    def start(self, command: str) -> str:
        """Start one, or what is missing of it; what it said."""
        port = {"airflow": self.airflow_port, "mlflow": self.mlflow_port}[command]
        done = self.call(command, "--port", str(port))
        assert done.returncode == 0, done.stdout
        return done.stdout

    @contextmanager
    def guarded(self) -> Iterator["Servers"]:
        """Within it they are ended if this process dies; at the end of it they are ended in any case."""
        command, ours = [sys.executable, "-c", _GUARD], self.environment
        with subprocess.Popen(command, cwd=ROOT, env=ours, stdin=subprocess.PIPE, start_new_session=True) as guard:
            try:
                yield self
            finally:
                done = self.call("down")
                guard.kill()
        assert done.returncode == 0, done.stdout

    @cached_property
    def rest(self) -> Rest:
        """Airflow's REST interface, signed in."""
        return airflow.sign_in(self.workspace, self.airflow_port)

    @property
    def tracking_uri(self) -> str:
        """Of the MLflow server."""
        return mlflow.address(self.mlflow_port)

    def kill(self, service: Service, part: str) -> None:
        """SIGKILL to the part alone, as the kernel does when memory is short."""
        process = service.started[part].process
        os.kill(process.pid, signal.SIGKILL)
        wait_until(lambda: not process.is_alive, within_s=30)


def free_ports(number: int) -> list[int]:
    """Ports of the loopback address on which nobody listens now."""
    sockets = [socket.socket() for _ in range(number)]
    for one in sockets:
        one.bind(("127.0.0.1", 0))
    ports = [one.getsockname()[1] for one in sockets]
    for one in sockets:
        one.close()
    return ports


def wait_until(condition: Callable[[], Any], within_s: float) -> Any:
    """Wait for something to be true, or not empty; that."""
    until_s = time.monotonic() + within_s
    while not (found := condition()):
        assert time.monotonic() < until_s, f"not within {within_s} s"
        time.sleep(_POLL_S)
    return found


def passwords(workspace: Path) -> dict[str, str]:
    """Of Airflow's users."""
    return json.loads(airflow.password_file(workspace).read_text(encoding="utf-8"))
