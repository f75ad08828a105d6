"""An MLflow server that goes away: training does not wait for it, nothing is lost and nothing arrives twice."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from mlflow import MlflowClient

from stages.tracking.runs import answers, open_run, spool_folder
from stages.tracking.server import connect, experiment_id
from tests.faults.harness import descendants

OPEN = {"stage": "train", "model": "pixels", "key": "abc", "params": {"train": {"steps": 3}}}


class Server:
    """A real MLflow server on a port of its own, which keeps its data when it is ended."""

    def __init__(self, folder: Path) -> None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self._port = free.getsockname()[1]
        self._folder, self.address = folder, f"http://127.0.0.1:{self._port}"
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start and wait until it answers."""
        database = f"sqlite:///{self._folder / 'server.db'}"
        command = [sys.executable, "-m", "mlflow", "server", "--backend-store-uri", database, "--workers", "1"]
        self._process = subprocess.Popen(
            [*command, "--host", "127.0.0.1", "--port", str(self._port)],
            cwd=self._folder,
            env={**os.environ, "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        deadline_s = time.monotonic() + 120
        while not answers(self.address):
            assert time.monotonic() < deadline_s and self._process.poll() is None
            time.sleep(0.2)

    def signal(self, number: signal.Signals) -> None:
        """Send a signal to all its processes."""
        if self._process is not None:
            for pid in (*descendants(self._process.pid), self._process.pid):
                os.kill(pid, number)
            if number == signal.SIGKILL:
                self._process.wait()
                self._process = None


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    server = Server(tmp_path)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PIXELS_STORE", str(tmp_path / "store"))
    monkeypatch.setenv("MLFLOW_TRACKING_URI", server.address)
    server.start()
    yield server
    server.signal(signal.SIGKILL)


class Diary:
    """Logs steps as training does, and adds up how long each call took."""

    def __init__(self) -> None:
        self.blocked_s, self._step, self._run = 0.0, 0, open_run(**OPEN)

    def log(self, seconds: float) -> None:
        """Log for so long, 20 times a second."""
        until_s = time.monotonic() + seconds
        while time.monotonic() < until_s:
            before_s = time.perf_counter()
            self._run.log({"loss": 1 / (self._step + 1)}, self._step)
            self.blocked_s += time.perf_counter() - before_s
            self._step += 1
            time.sleep(0.05)

    def close(self) -> list[tuple[int, float]]:
        """End the run; all that was logged."""
        before_s = time.perf_counter()
        self._run.close("FINISHED")
        self.blocked_s += time.perf_counter() - before_s
        return [(step, 1 / (step + 1)) for step in range(self._step)]


def arrived(client: MlflowClient) -> list[tuple[int, float]]:
    (run,) = client.search_runs([experiment_id(client)])
    assert run.info.status == "FINISHED"
    return sorted((point.step, point.value) for point in client.get_metric_history(run.info.run_id, "loss"))


def wait_until_shipped(within_s: float, *, by: Callable[[], object] = lambda: time.sleep(0.1)) -> None:
    """`by` further runs: one that begins before the shipper of this one has given up leaves its file alone."""
    deadline_s = time.monotonic() + within_s
    while list(spool_folder().glob("*.jsonl")):
        assert time.monotonic() < deadline_s, "not sent in time"
        by()


def is_away(server: Server, seconds: float, number: signal.Signals) -> None:
    """Training goes on while a server is dead (SIGKILL) or does not move (SIGSTOP), then it comes back."""
    diary = Diary()
    diary.log(3)
    server.signal(number)
    diary.log(seconds)
    assert diary.blocked_s < 1
    if number == signal.SIGKILL:
        server.start()
    else:
        server.signal(signal.SIGCONT)
    diary.log(1)
    expected = diary.close()
    wait_until_shipped(90)
    assert arrived(connect()) == expected


@pytest.mark.parametrize("number", [signal.SIGKILL])
def test_a_server_that_is_away_for_a_while(server: Server, number: signal.Signals) -> None:
    is_away(server, 3, number)


@pytest.mark.nightly
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGSTOP])
def test_a_server_that_is_away_for_a_minute(server: Server, number: signal.Signals) -> None:
    is_away(server, 60, number)


@pytest.mark.parametrize("number", [signal.SIGSTOP])
def test_a_server_that_never_comes_back_is_not_waited_for(server: Server, number: signal.Signals) -> None:
    diary = Diary()
    diary.log(1)
    server.signal(number)
    expected = diary.close()
    assert diary.blocked_s < 1
    server.signal(signal.SIGKILL)
    server.start()
    wait_until_shipped(90, by=lambda: Diary().close())
    client = connect()
    (run,) = client.search_runs([experiment_id(client)])
    points = client.get_metric_history(run.info.run_id, "loss")
    assert sorted((point.step, point.value) for point in points) == expected
