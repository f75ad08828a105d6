"""A real scheduler retrains a small world, on schedule and on arrival, while what it needs is killed under it.

Two runs, in this order, and tests look at what they left. In the first a task is killed and the MLflow server is away
while it trains; the second is started by videos in the inbox, and its scheduler is killed while it trains.
"""

import json
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
import torch
import yaml
from mlflow import MlflowClient
from mlflow.entities import Run as Recorded
from typer.testing import CliRunner

from stages import evaluate, layout, register
from stages.__main__ import app
from stages.launch import arguments
from stages.networks.separation import load, save
from stages.params import read
from stages.shards.files import read_json, sha256
from stages.shards.tables import read_columns, write_columns
from stages.tracking.server import connect
from stages.tracking.versions import find, load_version
from tests.services.retraining import ENDED, Runs, at_work, kill_task_of, raise_scores, write_new_videos
from tests.synth.airflow import take_over
from tests.synth.services import Servers, wait_until
from tests.synth.world import ROOT, call

pytestmark = [pytest.mark.services, pytest.mark.timeout(1800)]
WITHIN_S = 1500.0
TRAINS = "-m stages train pixels"
AWAY_S = 5.0  # nightly tests of tests/faults let the server be away for a minute
GEOMETRY = ("schema_version", "model", "clip", "spectrogram", "target", "weights_sha256")  # what `save` says itself
EVALUATE = (ROOT / "stages/evaluate.py").read_text(encoding="utf-8")


@dataclass
class Followed:
    """What is remembered of a run while it goes on."""

    id: str
    writers: int = 0  # the most processes that trained at one time
    decoded: dict[str, str] = field(default_factory=dict)  # sha256 of each decoded shard of the store, after it


def follow(servers: Servers, run: Followed, meddle: Callable[[], None]) -> None:
    """Look at a run, and meddle with it, until it has ended."""

    def ended() -> bool:
        run.writers = max(run.writers, len(at_work(servers, TRAINS)))
        meddle()
        return Runs(servers).of(run.id)["state"] in ENDED

    wait_until(ended, WITHIN_S)
    shards = sorted(servers.workspace.glob(".store/decode/**/*.arrow"))
    run.decoded = {str(path.relative_to(servers.workspace)): sha256(path) for path in shards}


@pytest.fixture(scope="module")
def first(servers: Servers) -> Followed:
    """The run of last Monday. Its task `baselines` is killed, and the MLflow server is away while it trains."""
    raise_scores(servers.workspace, EVALUATE, 20.0)
    Runs(servers).switch_on()
    run = Followed(wait_until(Runs(servers).ids, WITHIN_S)[0])
    killed = stopped_s = 0.0

    def meddle() -> None:
        nonlocal killed, stopped_s
        if not killed and (commands := at_work(servers, "--single-item baselines")):
            kill_task_of(commands)
            killed = time.monotonic()
        if not stopped_s and at_work(servers, TRAINS):
            servers.kill(servers.mlflow, "server")
            servers.mlflow.sweep("server")
            stopped_s = time.monotonic()
        if stopped_s and time.monotonic() > stopped_s + AWAY_S and not servers.mlflow.alive:
            servers.start("mlflow")

    follow(servers, run, meddle)
    assert killed and stopped_s
    return run


@pytest.fixture(scope="module")
def second(servers: Servers, first: Followed) -> Followed:  # noqa: ARG001
    """A run that two videos in the inbox begin, by code that scores better. Its scheduler is killed while it trains."""
    raise_scores(servers.workspace, EVALUATE, 26.0)
    known = Runs(servers).ids()
    write_new_videos(servers.workspace, servers.workspace / "inbox")
    run = Followed(wait_until(lambda: [one for one in Runs(servers).ids() if one not in known], WITHIN_S)[0])
    killed = False

    def meddle() -> None:
        nonlocal killed
        if not killed and at_work(servers, TRAINS):
            servers.kill(servers.airflow, "scheduler")
            killed = True
            servers.start("airflow")

    follow(servers, run, meddle)
    assert killed
    return run


def failed(servers: Servers, run: Followed) -> dict[str, str]:
    """Tasks that did not end well, by id."""
    tasks = Runs(servers).tasks(run.id)
    return {name: task["state"] for name, task in tasks.items() if task["state"] != "success"}


def outs(servers: Servers, run: Followed, stage: str) -> dict[str, str]:
    """md5 of each file of a run's stage, by path, as DVC keeps them."""
    record = Path(Runs(servers).answer(run.id, "conclude"))
    lock = yaml.safe_load((record / "dvc.lock").read_text(encoding="utf-8"))
    cache = servers.workspace / ".dvc/cache/files/md5"
    return {
        f"{out['path']}/{entry['relpath']}": entry["md5"]
        for out in lock["stages"][stage]["outs"]
        for entry in read_json(cache / out["md5"][:2] / out["md5"][2:])
    }


def versions(servers: Servers) -> dict[str, dict[str, Any]]:
    """All versions of `pixels`, by number."""
    said = call("python -m stages history pixels --json", servers.workspace, MLFLOW_TRACKING_URI=servers.tracking_uri)
    return {version["number"]: version for version in json.loads(said)}


def test_the_week_turns_and_a_run_goes_well_though_one_of_its_tasks_was_killed(
    servers: Servers, first: Followed
) -> None:
    assert Runs(servers).of(first.id)["run_type"] == "scheduled"
    assert failed(servers, first) == {}
    assert Runs(servers).of(first.id)["state"] == "success"
    tries = {name: task["try_number"] for name, task in Runs(servers).tasks(first.id).items()}
    assert tries["baselines"] == 2
    assert tries["train.pixels"] == 1  # which does not wait for a server that is away
    assert first.writers == 1
    assert Runs(servers).answer(first.id, "promote.pixels")["outcome"] == "promoted"


def test_videos_in_the_inbox_begin_a_run_that_computes_only_them(
    servers: Servers, first: Followed, second: Followed
) -> None:
    assert Runs(servers).of(second.id)["run_type"] == "asset_triggered"
    assert failed(servers, second) == {}
    assert len(Runs(servers).answer(second.id, "arrive")["videos"]) == 2
    assert list((servers.workspace / "inbox").rglob("*.mp4")) == []
    assert {name: second.decoded[name] for name in first.decoded} == first.decoded
    assert len({str(Path(name).parent) for name in second.decoded.keys() - first.decoded.keys()}) == 1  # one shard
    for stage in ("decode", "flow"):
        old, new = (
            {path: digest for path, digest in outs(servers, run, stage).items() if path.endswith(".arrow")}
            for run in (first, second)
        )
        assert {path: new[path] for path in old} == old
        assert len(new) > len(old)
    assert outs(servers, first, "perform@first") == outs(servers, second, "perform@first")


def test_a_scheduler_that_was_killed_leaves_one_writer_and_one_version(servers: Servers, second: Followed) -> None:
    tasks = Runs(servers).tasks(second.id)
    assert tasks["train.pixels"]["try_number"] == 2
    assert second.writers == 1
    found = versions(servers)
    assert list(found) == ["2", "1"]
    assert len({version["tags"]["inputs"] for version in found.values()}) == 2


def test_what_is_better_became_champion_and_the_one_before_is_kept(servers: Servers, second: Followed) -> None:
    assert Runs(servers).answer(second.id, "promote.pixels")["outcome"] == "promoted"
    found = versions(servers)
    assert (found["2"]["aliases"], found["1"]["aliases"]) == (["candidate", "champion"], ["previous"])
    assert found["2"]["tags"]["held_against"] == "pixels/1"
    assert float(found["2"]["tags"]["difference_low_db"]) > 0
    commits = [found[number]["tags"]["git_commit"] for number in ("2", "1")]
    assert commits == call("git log --format=%H -2", servers.workspace).split()


def test_nothing_is_lost_while_the_server_is_away(servers: Servers, second: Followed) -> None:  # noqa: ARG001
    wait_until(lambda: not list(servers.workspace.glob(".store/spool/*/*.jsonl")), 120)
    client = MlflowClient(servers.tracking_uri)
    (experiment,) = [one.experiment_id for one in client.search_experiments() if one.name == "pixels"]
    runs = client.search_runs([experiment], "tags.stage = 'train'")
    assert {run.info.status for run in runs} == {"FINISHED"}
    phases = [run.data.tags.get("phase") for run in runs]
    assert {phase: phases.count(phase) for phase in phases} == {None: 2, "pretrain": 2, "S1": 2}
    for run in (run for run in runs if run.data.tags.get("phase") != "pretrain"):
        assert steps(client, run, "validation_si_sdr_db") == [16, 28]  # every 12 after 4 of pretraining
        assert steps(client, run, "loss") == [10, 20]


def steps(client: MlflowClient, run: Recorded, metric: str) -> list[int]:
    """At which a metric was recorded; twice is twice."""
    return sorted(point.step for point in client.get_metric_history(run.info.run_id, metric))


@pytest.fixture(scope="module")
def trained(servers: Servers, second: Followed) -> Iterator[Path]:  # noqa: ARG001
    """The workspace as the second run left it, to register challengers of its champion from."""
    take_over(servers.workspace)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(servers.workspace)
        patch.setenv("MLFLOW_TRACKING_URI", servers.tracking_uri)
        patch.setenv("PIXELS_SERIAL", "1")
        yield servers.workspace


def stage(module: ModuleType) -> None:
    """Run a stage for `pixels` in this process."""
    module.run(**arguments(module.run, read(layout.PARAMS), "pixels"))


def challenge() -> tuple[int, str]:
    """Register what lies in the workspace, and ask the gate; its status and what it said."""
    stage(register)
    result = CliRunner().invoke(app, ["promote", "pixels"])
    return result.exit_code, result.stdout


def champion_serves() -> str:
    """Which version the champion is, once every byte of it was checked and it was loaded."""
    champion = find(connect(), "pixels@champion")
    load_version(connect(), champion)
    return champion.address


def test_registering_the_champion_again_makes_no_version(trained: Path) -> None:  # noqa: ARG001
    assert challenge() == (0, "pixels/2 is the champion\n  is the champion\n")


def test_a_noisy_one_that_is_no_better_is_not_promoted(trained: Path) -> None:
    path = trained / "data/evaluate/pixels/scores.parquet"
    columns, generator = read_columns(path), np.random.default_rng(1)
    noise = (3.0 * generator.standard_normal(len(columns["mix_id"]))).tolist()
    for name in ("si_sdr", "si_sdri"):
        columns[name] = [None if v is None else v + n for v, n in zip(columns[name], noise, strict=True)]
    path.chmod(0o644)
    write_columns(path, columns)
    status, said = challenge()
    assert status in (3, 4)
    assert said.startswith("pixels/3 was not promoted: ")
    assert champion_serves() == "pixels/2"


@pytest.mark.parametrize(("value", "why"), [(float("nan"), "silent or no numbers"), (0.0, "it does not look")])
def test_a_broken_one_is_refused(trained: Path, value: float, why: str) -> None:
    """All weights NaN; and all zero, which gives every player the same, whoever is looked at."""
    folder = trained / "models/pixels"
    separator = load(folder)
    with torch.no_grad():
        for weights in separator.net.parameters():
            weights.fill_(value)
    extra = {name: value for name, value in read_json(folder / "model.json").items() if name not in GEOMETRY}
    save(separator, folder, extra)  # by new names: those in DVC's cache stay what they are
    stage(evaluate)
    status, said = challenge()
    assert status == 3
    assert why in said
    assert champion_serves() == "pixels/2"


@pytest.mark.parametrize(
    ("dag", "conf", "said"),
    [
        ("backfill", {"models": ["pixels"]}, "pixels/2: champion, scored"),
        ("maintenance", {"dry_run": True}, "gc: would free"),
    ],
)
def test_other_dags_go_well_and_leave_a_note(
    servers: Servers, trained: Path, dag: str, conf: dict[str, Any], said: str
) -> None:
    assert trained == servers.workspace
    runs = Runs(servers, dag)
    runs.switch_on()
    run = runs.begin(conf)
    wait_until(lambda: runs.of(run)["state"] in ENDED, WITHIN_S)
    assert {name: task["state"] for name, task in runs.tasks(run).items() if task["state"] == "failed"} == {}
    assert said in runs.of(run)["note"]


def test_down_leaves_no_process(servers: Servers) -> None:
    """Comes last."""
    known = servers.airflow.processes | servers.mlflow.processes
    assert servers.call("down").returncode == 0
    assert [process for process in known if process.is_alive] == []
    assert servers.airflow.processes | servers.mlflow.processes == set()
