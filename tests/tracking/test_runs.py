"""Live runs and their shipper, against a real tracking store in a sqlite file."""

import fcntl
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from mlflow import MlflowClient

from stages.tracking.runs import open_run, spool_folder
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


def test_a_run_holds_all_that_was_logged_and_the_same_key_continues_it() -> None:
    longest_s = record(0, 2500, status="KILLED")
    assert longest_s < 0.5
    wait_until_shipped()
    client = connect()
    run = only_run(client)
    assert run.info.status == "KILLED"
    assert {"stage": "train", "model": "pixels", "key": "abc"}.items() <= run.data.tags.items()
    assert run.data.params == {"train.steps": "3", "train.optimizer.rate": "0.1", "model.decay_steps": "[1, 2]"}

    record(2000, 3000, status="FINISHED")  # as from a checkpoint
    assert only_run(client).info.run_id == run.info.run_id
    assert only_run(client).info.status == "FINISHED"
    assert history(client, "loss") == [(step, 1 / (step + 1)) for step in range(3000)]
    assert unsent() == []


KILLED = """
import os, signal
from stages.tracking.runs import open_run
run = open_run(stage="train", model="pixels", key="abc", params={"a": 1})
for step in range(100):
    run.log({"loss": 1.0 + step}, step)
os.kill(os.getpid(), signal.SIGKILL)
"""


def test_a_killed_trainers_run_is_complete_and_marked_killed() -> None:
    done = subprocess.run([sys.executable, "-c", KILLED], env={**os.environ, "PYTHONPATH": str(ROOT)}, check=False)
    assert done.returncode == -signal.SIGKILL
    wait_until_shipped()
    client = connect()
    assert only_run(client).info.status == "KILLED"
    assert history(client, "loss") == [(step, 1.0 + step) for step in range(100)]


def test_what_a_server_that_was_away_missed_is_sent_by_the_next_run(
    workspace: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    (workspace / "server").write_text("in the way of the sqlite file's folder")
    assert record(0, 50, status="KILLED") < 0.5
    wait_for_orphans(1)
    assert record(50, 80, status="FAILED") < 0.5
    assert len(unsent()) == 2
    assert f"live metrics are kept in {spool_folder()}" in capfd.readouterr().err

    (workspace / "server").unlink()
    record(80, 100, status="FINISHED")
    client = connect()
    assert history(client, "loss") == [(step, 1 / (step + 1)) for step in range(100)]
    assert only_run(client).info.status == "FINISHED"
    assert unsent() == []


def test_a_spool_file_is_private_and_its_place_tells_no_password(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://someone:secret@127.0.0.1:9")
    run = open_run(**OPEN)
    try:
        (spool,) = unsent()
        assert spool.stat().st_mode & 0o077 == 0
        assert "secret" not in f"{spool}{spool.read_text()}"
    finally:
        run.close("FAILED")


def unsent() -> list[Path]:
    return sorted(spool_folder().glob("*.jsonl"))


def wait_until_shipped() -> None:
    """The shipper of a killed run goes on alone; 60 s is far more than it needs."""
    for _ in range(600):
        if not unsent():
            return
        time.sleep(0.1)
    raise AssertionError(f"still there after a minute: {unsent()}")


def wait_for_orphans(count: int) -> None:
    """Until the shippers have given up and nobody holds the files."""
    for _ in range(600):
        if len(unsent()) == count and not any(map(is_held, unsent())):
            return
        time.sleep(0.1)
    raise AssertionError("a shipper is still at work")


def is_held(spool: Path) -> bool:
    with spool.open("rb") as handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
    return False
