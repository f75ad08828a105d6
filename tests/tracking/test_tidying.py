"""MLflow is tidied up: what is dead goes, and what lives, or belongs to a version, stays."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from mlflow import MlflowClient
from typer.testing import CliRunner

from stages.__main__ import app
from stages.tracking.living import PROCESS, signature
from stages.tracking.runs import open_run, spool_folder
from stages.tracking.server import connect, experiment_id

DAY_MS = 24 * 3600 * 1000
NOW_MS = int(time.time() * 1000)


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    folder = tmp_path_factory.mktemp("tidying")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{folder / 'mlflow.db'}")
        patch.setenv("PIXELS_STORE", str(folder / ".store"))
        yield folder


@pytest.fixture
def client(place: Path) -> MlflowClient:
    assert Path.cwd() == place
    return connect()


def started(client: MlflowClient, name: str, *, days_ago: float = 0, process: str = "", heard: float = -1) -> str:
    """A run that began so many days ago, with a metric of `heard` days ago if any."""
    begun = NOW_MS - round(days_ago * DAY_MS)
    tags = {PROCESS: process} if process else {}
    run_id = client.create_run(experiment_id(client), start_time=begun, tags=tags, run_name=name).info.run_id
    if heard >= 0:
        client.log_metric(run_id, "loss", 1.0, timestamp=NOW_MS - round(heard * DAY_MS))
    return run_id


def ended(client: MlflowClient, name: str, *, days_ago: float, metric: bool = False) -> str:
    run_id = started(client, name, days_ago=days_ago, heard=days_ago if metric else -1)
    client.log_text(run_id, "x" * 1000, "notes.txt")
    client.set_terminated(run_id, "FAILED", end_time=NOW_MS - round(days_ago * DAY_MS))
    return run_id


def status(client: MlflowClient, run_id: str) -> str:
    return client.get_run(run_id).info.status


def tidied(*options: str, expected: int = 0) -> dict[str, Any]:
    result = CliRunner().invoke(app, ["tidy", "--json", *options])
    assert result.exit_code == expected, result.output
    return json.loads(result.stdout)


def fates(found: dict[str, Any]) -> dict[str, str]:
    return {loose["id"]: loose["fate"] for loose in found["found"]}


def dead() -> str:
    process = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    name = signature(process.pid)
    process.communicate(b"\n")
    return name


def test_runs_of_dead_processes_are_closed_and_those_of_living_ones_are_not(client: MlflowClient) -> None:
    orphan = started(client, "orphan", process=dead())
    alive = started(client, "alive", days_ago=90, process=signature(os.getpid()), heard=60)
    elsewhere = started(client, "elsewhere", days_ago=90, process="other-boot/pid:[1]/1/1", heard=2)
    forgotten = started(client, "forgotten", days_ago=90, process="other-boot/pid:[1]/1/1", heard=60)
    nameless = started(client, "nameless", days_ago=1)
    assert fates(tidied("--dry-run")) == {orphan: "closed", forgotten: "closed"}
    assert status(client, orphan) == "RUNNING"
    assert fates(tidied()) == {orphan: "closed", forgotten: "closed"}
    runs = {name: status(client, name) for name in (orphan, forgotten, alive, elsewhere, nameless)}
    assert runs == dict(zip(runs, ["KILLED", "KILLED", "RUNNING", "RUNNING", "RUNNING"], strict=True))
    assert client.get_run(orphan).data.tags["closed_because"] == "its process is gone"
    for run_id in (alive, elsewhere, nameless):
        client.set_terminated(run_id, "FINISHED")


def test_a_training_in_progress_is_left_alone(client: MlflowClient) -> None:
    run = open_run(stage="train", model="pixels", key="tidying", params={"a": 1})
    run.log({"loss": 1.0}, 1)
    deadline_s = time.monotonic() + 120
    while not (found := client.search_runs([experiment_id(client)], "tags.key = 'tidying' and metrics.loss > 0")):
        assert time.monotonic() < deadline_s, "the shipper did not send anything"
        time.sleep(0.5)
    run_id = found[0].info.run_id
    assert run_id not in fates(tidied())
    assert status(client, run_id) == "RUNNING"
    run.close("FINISHED")
    assert status(client, run_id) == "FINISHED"
    assert not list(spool_folder().glob("*.jsonl"))


def test_empty_runs_and_models_without_a_version_are_binned_then_erased_with_their_files(
    client: MlflowClient, place: Path
) -> None:
    empty, scored = ended(client, "empty", days_ago=40), ended(client, "scored", days_ago=40, metric=True)
    young = ended(client, "young", days_ago=2)
    versioned = ended(client, "versioned", days_ago=40)
    kept = client.create_logged_model(experiment_id(client), "kept", versioned)
    client.create_registered_model("pixels")
    client.create_model_version("pixels", f"models:/{kept.model_id}", run_id=versioned, model_id=kept.model_id)
    stray = client.create_logged_model(experiment_id(client), "stray", scored)

    assert fates(tidied()) == {empty: "binned"}
    assert client.get_run(empty).info.lifecycle_stage == "deleted"
    assert list(place.glob(f"mlartifacts/**/{empty}/artifacts/notes.txt"))  # deleted just now: may be restored
    found = tidied("--keep-days", "0")
    fate = fates(found)
    assert [fate[name] for name in (young, empty, stray.model_id)] == ["erased"] * 3
    assert not fate.keys() & {scored, versioned, kept.model_id}
    assert found["freed_bytes"] == 2000
    assert not list(place.glob(f"mlartifacts/**/{empty}/**/notes.txt"))
    for run_id in (scored, versioned):
        assert client.get_run(run_id).info.lifecycle_stage == "active"
        assert list(place.glob(f"mlartifacts/**/{run_id}/artifacts/notes.txt"))
    assert client.get_logged_model(kept.model_id).name == "kept"


def test_nothing_is_erased_while_a_versions_run_is_in_the_bin(client: MlflowClient, place: Path) -> None:
    (version,) = client.search_model_versions("name = 'pixels'")
    client.delete_run(str(version.run_id))
    found = tidied("--keep-days", "0", expected=3)
    assert found["kept_because"].startswith("pixels/1: a registered version whose run or model is deleted")
    assert list(place.glob(f"mlartifacts/**/{version.run_id}/artifacts/notes.txt"))
    client.restore_run(str(version.run_id))
    assert tidied("--keep-days", "0")["kept_because"] == ""
