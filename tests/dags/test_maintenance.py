"""dags/maintenance.py by Airflow on a small workspace with real git, DVC and MLflow: garbage goes, the rest stays."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator

import pytest

from stages.tracking.living import PROCESS, signature
from stages.tracking.server import connect, experiment_id
from stages.tracking.versions import find, load_version, promote
from tests.keeping.conftest import Repository
from tests.synth.airflow import ROOT, airflow, airflow_environment
from tests.synth.lineage import register_again, write_params
from tests.synth.registered import write_scored_world
from tests.synth.stores import grow_old, work

DAY_MS = 24 * 3600 * 1000
PIPELINE = "stages:\n  make:\n    cmd: cp wish.txt out.txt\n    deps: [wish.txt]\n    outs: [out.txt]\n"


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Repository]:
    """A champion whose dvc.lock is on no branch, later outs, of which one is nobody's, and worktrees of two runs."""
    found = Repository(tmp_path_factory.mktemp("maintenance"))
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(found.folder)
        patch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{found.folder / 'mlflow.db'}")
        patch.setenv("PIXELS_STORE", str(found.folder / ".store"))
        found.call("git", "init", "--quiet")
        found.call("dvc", "init", "--quiet")
        (found.folder / "dvc.yaml").write_text(PIPELINE, encoding="utf-8")
        (found.folder / "stages").symlink_to(ROOT / "stages")
        write_scored_world(found.folder)
        (found.folder / "dvc.lock").unlink()
        write_params(found.folder)
        make(found, "the champion's")
        register_again(found.folder, [2.0, 3.0, 2.5, 3.5], seed=1)
        promote(connect(), find(connect(), "pixels/1"), despite="a test")
        make(found, "nobody's")
        make(found, "the workspace's")
        found.call("git", "add", "dvc.yaml", "dvc.lock", ".dvc")
        found.call("git", "commit", "--quiet", "--message", "one")
        for name in ("old", "new"):
            found.call("git", "worktree", "add", "--quiet", f".runs/{name}", "--detach")
        for path in (*(found.folder / ".runs/old").rglob("*"), found.folder / ".runs/old"):
            os.utime(path, (time.time() - 20 * 24 * 3600,) * 2, follow_symlinks=False)
        grow_old(found.folder / ".runs/old", 20)
        yield found


def make(repository: Repository, text: str) -> None:
    (repository.folder / "wish.txt").write_text(text, encoding="utf-8")
    repository.call("dvc", "repro", "--quiet")


def begun(name: str, process: str) -> str:
    return connect().create_run(experiment_id(connect()), tags={PROCESS: process}, run_name=name).info.run_id


def of_a_dead_process() -> str:
    process = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    name = signature(process.pid)
    process.communicate(b"\n")
    return name


def maintained(world: Repository, conf: dict[str, object]) -> str:
    home = world.folder / "airflow-home"
    home.mkdir()
    environment = airflow_environment(home, world.folder)
    airflow("db migrate", environment)
    text = json.dumps(conf, separators=(",", ":"))
    return airflow(f"dags test maintenance --conf {text}", environment)


def test_garbage_goes_and_what_somebody_needs_stays(world: Repository) -> None:
    store, client = world.folder / ".store", connect()
    old, young = work(store, "decode", {"n": 1}, age_days=40), work(store, "decode", {"n": 2})
    orphan, alive = begun("orphan", of_a_dead_process()), begun("alive", signature(os.getpid()))
    empty = begun("empty", "")
    client.set_terminated(empty, "FAILED", end_time=round(time.time() * 1000) - 40 * DAY_MS)

    said = maintained(world, {"keep_days": 0.5, "low": 1e-6, "high": 1})

    assert not (world.folder / ".runs/old").exists() and (world.folder / ".runs/new").is_dir()
    assert not old.exists() and young.exists()
    cached = {text: world.cached(text).exists() for text in ("the champion's", "nobody's", "the workspace's")}
    assert cached == {"the champion's": True, "nobody's": False, "the workspace's": True}
    assert {name: client.get_run(name).info.status for name in (orphan, alive)} == {orphan: "KILLED", alive: "RUNNING"}
    assert client.get_run(empty).info.lifecycle_stage == "deleted"
    load_version(client, find(client, "pixels@champion"))  # every byte of it is read and compared
    assert "% in use, low" in said
    assert "trim: freed 0.000 GB." in said
    assert "state=success" in said
