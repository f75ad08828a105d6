"""dags/retrain.py as Airflow loads it: the arrows of dvc.yaml, limits on every task, its form, quick to parse."""

import json
import subprocess
import sys
from typing import Any

import pytest

from dags.graph import read_widest
from tests.synth.airflow import ROOT, airflow_environment

HEAVY = ("torch", "mlflow", "dvc", "ray", "pyarrow", "numpy", "pandas", "stages")
AROUND = {"enough", "prepare", "arrive", "admit", "promote.choose", "summary", "conclude"}

# What the file adds to an Airflow that is loaded already, and what came of it.
LOAD = """
import json, sys, time, runpy
import airflow.sdk, airflow.sdk.exceptions, airflow.providers.standard.operators.bash
before, started_s = set(sys.modules), time.process_time()
sys.path.insert(0, sys.argv[1])
dag = next(v for v in runpy.run_path(sys.argv[1] + "/retrain.py").values() if isinstance(v, airflow.sdk.DAG))
parse_s, added = time.process_time() - started_s, set(sys.modules) - before
from airflow.serialization.serialized_objects import DagSerialization
(watcher,) = dag.timetable.asset_condition.watchers

def is_valid(form):
    try:
        [dag.params.get_param(name).resolve(value) for name, value in form.items()]
    except airflow.sdk.exceptions.ParamValidationError:
        return False
    return True

# before a form is resolved, which changes what the form shows
defaults = {name: param.value for name, param in dag.params.items()}
print(json.dumps({
    "parse_s": parse_s,
    "modules": sorted({name.partition(".")[0] for name in added}),
    "edges": [[task.task_id, user] for task in dag.tasks for user in task.downstream_task_ids],
    "tasks": {task.task_id: {
        "address": getattr(task, "address", None), "retries": task.retries, "pool": task.pool,
        "backoff": bool(task.retry_exponential_backoff), "timeout_s": task.execution_timeout.total_seconds(),
        "rule": task.trigger_rule.value, "alarm": bool(task.on_failure_callback),
        "links": [link.name for link in task.operator_extra_links],
    } for task in dag.tasks},
    "dag": [dag.dag_id, dag.max_active_runs, dag.catchup],
    "cron": dag.timetable.timetable.expression,
    "watcher": list(watcher.trigger.serialize()),
    "defaults": defaults,
    "forms": [is_valid(form) for form in json.loads(sys.argv[2])],
    "serialized": bool(DagSerialization.serialize_dag(dag)),
}))
"""

FORMS: list[tuple[dict[str, Any], bool]] = [
    ({"preset": "studio"}, True),
    ({"preset": "nowhere"}, False),
    ({"models": ["pixels", "motions"]}, True),
    ({"models": ["nobody"]}, False),
    ({"overrides": ["train.steps=100", "+a.b=c", "~models.pixels", "register.gate.kinds=[same2]"]}, True),
    ({"overrides": ["train.steps"]}, False),
    ({"overrides": ["rm -rf /"]}, False),
    ({"promote": "perhaps"}, False),
    ({"min_new_videos": -1}, False),
]


@pytest.fixture(scope="module")
def loaded(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    home = tmp_path_factory.mktemp("airflow")
    done = subprocess.run(
        [sys.executable, "-P", "-c", LOAD, str(ROOT / "dags"), json.dumps([form for form, _ in FORMS])],
        env={**airflow_environment(home, ROOT), "PIXELS_INBOX": str(home / "inbox"), "PIXELS_INBOX_VIDEOS": "7"},
        cwd=home,
        capture_output=True,
        text=True,
        check=True,
    )
    return json.loads(done.stdout.splitlines()[-1])


def task_id(address: str) -> str:
    return address.replace("@", ".")


def models() -> list[str]:
    return [address.partition("@")[2] for address in read_widest(ROOT).stages if address.startswith("train@")]


def test_it_has_the_stages_and_edges_of_dvc_yaml(loaded: dict[str, Any]) -> None:
    graph = read_widest(ROOT)
    stages = {name for name, task in loaded["tasks"].items() if task["address"]}
    assert stages == set(map(task_id, graph.stages))
    between = sorted(edge for edge in loaded["edges"] if set(edge) <= stages)
    assert between == sorted([task_id(maker), task_id(user)] for maker, user in graph.edges)
    assert {"train.pixels", "train.motions"} <= stages  # of presets, too
    assert loaded["dag"] == ["retrain", 1, False]


def test_what_stands_around_the_stages(loaded: dict[str, Any]) -> None:
    stages = {name for name, task in loaded["tasks"].items() if task["address"]}
    gates = {f"promote.{name}" for name in models()}
    assert set(loaded["tasks"]) - stages == AROUND | gates
    around = {(maker, user) for maker, user in loaded["edges"] if not {maker, user} <= stages}
    first = {task_id(name) for name in read_widest(ROOT).stages if name.startswith("perform@")}
    last = {f"register.{name}" for name in models()} | {"report"}
    assert around == {
        *(("enough", "prepare"), ("prepare", "arrive"), ("summary", "conclude")),
        *(("arrive", name) for name in first),
        *(("leakage", "admit"), ("coincidence", "admit")),
        *(("admit", f"train.{name}") for name in models()),
        *((name, "promote.choose") for name in last),
        *((name, "summary") for name in last),
        *(("promote.choose", name) for name in gates),
        *((name, "summary") for name in gates),
    }


def test_every_task_has_limits_an_alarm_and_a_pool_that_fits(loaded: dict[str, Any]) -> None:
    for name, task in loaded["tasks"].items():
        assert task["retries"] >= 1
        assert task["backoff"]
        assert 0 < task["timeout_s"] <= 96 * 3600
        assert task["rule"] == "none_failed"  # a stage that a run does not have stops nothing
        assert task["alarm"]
        group = name.partition(".")[0]
        on_gpu, stage = group in ("train", "flow"), bool(task["address"])
        makes = stage or name in ("prepare", "arrive", "conclude")
        assert task["pool"] == ("gpu" if on_gpu else "workspace" if makes else "default_pool")
        assert task["links"] == (["MLflow version"] if group == "register" else [])


def test_it_runs_every_week_and_when_videos_have_arrived(loaded: dict[str, Any]) -> None:
    assert loaded["cron"] == "0 3 * * 1"
    path, arguments = loaded["watcher"]
    assert path == "inbox.InboxTrigger"
    assert arguments["min_videos"] == 7
    assert arguments["folder"].endswith("/inbox")


def test_its_form_takes_what_can_be_run(loaded: dict[str, Any]) -> None:
    assert loaded["forms"] == [expected for _, expected in FORMS]
    assert loaded["defaults"] == {
        "preset": "current",
        "models": [],
        "overrides": [],
        "promote": True,
        "min_new_videos": 0,
    }


def test_it_parses_in_less_than_a_second_without_heavy_modules(loaded: dict[str, Any]) -> None:
    assert loaded["parse_s"] < 1
    assert not set(HEAVY) & set(loaded["modules"])
    assert loaded["serialized"]
