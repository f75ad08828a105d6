"""Live runs and their shipper, against a real tracking store in a sqlite file."""

import fcntl
import json
import os
import signal
import socket
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from mlflow import MlflowClient

from stages.tracking.runs import LiveRun, answers, join_run, open_run, spool_folder
from stages.tracking.server import connect, experiment_id

ROOT = Path(__file__).resolve().parents[2]
PARAMS = {"train": {"steps": 3, "optimizer": {"rate": 0.1}}, "model": {"decay_steps": [1, 2]}}
OPEN = {"stage": "train", "model": "pixels", "key": "abc", "params": PARAMS}


@pytest.fixture(autouse=True)
def workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PIXELS_STORE", str(tmp_path / "store"))
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{tmp_path / 'server' / 'mlflow.db'}")
    return tmp_path


def only_run(client: MlflowClient) -> Any:
    (run,) = client.search_runs([experiment_id(client)])
    return run


def history(client: MlflowClient, name: str) -> list[tuple[int, float]]:
    points = client.get_metric_history(only_run(client).info.run_id, name)
    return sorted((point.step, point.value) for point in points)


def record(first: int, after: int, *, status: str) -> float:
    """Log steps [first, after); the longest that one call took, s."""
    run = open_run(**OPEN)
    longest_s = 0.0
    for step in range(first, after):
        before_s = time.perf_counter()
        run.log({"loss": 1 / (step + 1), "bad_batches": 0}, step)
        longest_s = max(longest_s, time.perf_counter() - before_s)
    run.close(status)
    return longest_s


KILLED = """
import os, signal
from stages.tracking.runs import open_run
from tests.tracking.test_runs import OPEN
run = open_run(**OPEN)
for step in range(100):
    run.log({"loss": 1 / (step + 1), "bad_batches": 0}, step)
os.kill(os.getpid(), signal.SIGKILL)
"""


def test_a_killed_run_is_complete_and_the_same_key_continues_it() -> None:
    done = subprocess.run([sys.executable, "-c", KILLED], env={**os.environ, "PYTHONPATH": str(ROOT)}, check=False)
    assert done.returncode == -signal.SIGKILL
    wait_until_shipped()
    client = connect()
    run = only_run(client)
    assert run.info.status == "KILLED"
    assert {"stage": "train", "model": "pixels", "key": "abc"}.items() <= run.data.tags.items()
    assert run.data.params == {"train.steps": "3", "train.optimizer.rate": "0.1", "model.decay_steps": "[1, 2]"}
    assert history(client, "loss") == [(step, 1 / (step + 1)) for step in range(100)]

    assert record(50, 2500, status="FINISHED") < 0.5  # as from a checkpoint
    assert only_run(client).info.run_id == run.info.run_id
    assert only_run(client).info.status == "FINISHED"
    assert history(client, "loss") == [(step, 1 / (step + 1)) for step in range(2500)]
    assert unsent() == []


def test_what_a_server_that_was_away_missed_is_sent_by_the_next_run(
    workspace: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    (workspace / "server").write_text("in the way of the sqlite file's folder")
    assert record(0, 80, status="FAILED") < 0.5
    assert [is_held(spool) for spool in unsent()] == [False]
    assert f"live metrics are kept in {spool_folder()}" in capfd.readouterr().err

    (workspace / "server").unlink()
    record(80, 100, status="FINISHED")
    client = connect()
    assert history(client, "loss") == [(step, 1 / (step + 1)) for step in range(100)]
    assert only_run(client).info.status == "FINISHED"
    assert unsent() == []


def test_a_spool_file_is_private_and_no_password_is_told(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://someone:secret@127.0.0.1:9")
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    run = open_run(**OPEN)
    try:
        (spool,) = unsent()
        assert spool.stat().st_mode & 0o077 == 0
        assert "secret" not in f"{spool}{spool.read_text()}"
    finally:
        run.close("FAILED")
    said = capfd.readouterr().err
    assert "http://127.0.0.1:9 does not answer" in said
    assert "secret" not in said


def test_only_a_server_that_says_something_answers() -> None:
    assert answers("sqlite:////nowhere/mlflow.db")
    assert not answers("http://127.0.0.1:9")
    with socket.create_server(("127.0.0.1", 0)) as listening:
        address = f"http://me:secret@127.0.0.1:{listening.getsockname()[1]}"
        before_s = time.perf_counter()
        assert not answers(address)  # connected, but not a word
        assert time.perf_counter() - before_s < 1
        with ThreadPoolExecutor(1) as other:
            other.submit(_refuse, listening)
            assert answers(address)


def _refuse(listening: socket.socket) -> None:
    for _ in range(2):  # the connection that nobody took, then the one that waits
        connection, _ = listening.accept()
        with connection, suppress(OSError):
            connection.sendall(b"HTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\n\r\n")
            connection.shutdown(socket.SHUT_WR)
            connection.recv(4096)


def unsent() -> list[Path]:
    return sorted(spool_folder().glob("*.jsonl"))


def wait_until_shipped() -> None:
    """The shipper of a killed run goes on alone; 60 s is far more than it needs."""
    for _ in range(600):
        if not unsent():
            return
        time.sleep(0.1)
    raise AssertionError(f"still there after a minute: {unsent()}")


def is_held(spool: Path) -> bool:
    with spool.open("rb") as handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
    return False


def record_phases(*names: str, ends: str) -> None:
    """A run whose phases log three steps each; the last one and the run end as said."""
    run = open_run(**OPEN)
    for place, name in enumerate(names):
        phase = run.phase(name, {"name": name, "rules": {"any": 1.0}})
        for step in range(3 * place, 3 * place + 3):
            phase.log({"loss": float(step)}, step)
        phase.close(ends if name == names[-1] else "FINISHED")
    run.close(ends)


def nested(client: MlflowClient) -> tuple[Any, dict[str, Any]]:
    """The whole run, and those of its phases by name."""
    runs = client.search_runs([experiment_id(client)])
    (whole,) = [run for run in runs if "phase" not in run.data.tags]
    phases = {run.data.tags["phase"]: run for run in runs if run.info.run_id != whole.info.run_id}
    assert {run.data.tags["mlflow.parentRunId"] for run in phases.values()} <= {whole.info.run_id}
    return whole, phases


def points(client: MlflowClient, run: Any) -> list[int]:
    return sorted(point.step for point in client.get_metric_history(run.info.run_id, "loss"))


def test_phases_are_nested_runs_that_the_same_key_continues() -> None:
    record_phases("S1", "S2", ends="KILLED")
    wait_until_shipped()
    client = connect()
    whole, phases = nested(client)
    assert {name: run.info.status for name, run in phases.items()} == {"S1": "FINISHED", "S2": "KILLED"}
    assert whole.info.status == "KILLED"
    assert phases["S2"].data.params == {"name": "S2", "rules.any": "1.0"}
    assert (phases["S2"].info.run_name, phases["S2"].data.tags["key"]) == ("train pixels abc S2", "abc")

    record_phases("S1", "S2", "S3", ends="FINISHED")
    wait_until_shipped()
    again, more = nested(client)
    assert again.info.run_id == whole.info.run_id
    assert {name: more[name].info.run_id for name in phases} == {name: run.info.run_id for name, run in phases.items()}
    assert {run.info.status for run in (again, *more.values())} == {"FINISHED"}
    assert [points(client, more[name]) for name in ("S1", "S2", "S3")] == [[0, 1, 2], [3, 4, 5], [6, 7, 8]]
    assert points(client, again) == list(range(9))


KILLED_IN_A_PHASE = """
import os, signal
from stages.tracking.runs import open_run
from tests.tracking.test_runs import OPEN
run = open_run(**OPEN)
run.phase("S1", {"name": "S1"}).close("FINISHED")
run.phase("S2", {"name": "S2"}).log({"loss": 0.5}, 7)
os.kill(os.getpid(), signal.SIGKILL)
"""


def test_a_phase_that_was_killed_is_said_to_be() -> None:
    subprocess.run([sys.executable, "-c", KILLED_IN_A_PHASE], env={**os.environ, "PYTHONPATH": str(ROOT)}, check=False)
    wait_until_shipped()
    client = connect()
    whole, phases = nested(client)
    assert whole.info.status == "KILLED"
    assert {name: run.info.status for name, run in phases.items()} == {"S1": "FINISHED", "S2": "KILLED"}
    assert points(client, whole) == points(client, phases["S2"]) == [7]


def test_another_process_adds_to_a_record_that_one_has_opened(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(LiveRun, "ship", lambda _: None)
    run = open_run(stage="train", model="pixels", key="k", params={})
    joined = join_run(run.spool)
    joined.log({"loss": 1.0}, 10)
    joined.phase("S1", {"steps": 20}).log({"loss": 0.5}, 20)
    run.close("FINISHED")
    header, *told = [json.loads(line) for line in run.spool.read_text().splitlines()]
    assert (header["key"], told[-1]) == ("k", {"status": "FINISHED"})
    assert [(line["step"], line["metrics"], line.get("phase")) for line in told if "metrics" in line] == [
        (10, {"loss": 1.0}, None),
        (20, {"loss": 0.5}, "S1"),
    ]
