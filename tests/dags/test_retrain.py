"""dags/retrain.py as Airflow loads it: tasks and arrows of dvc.yaml, limits on every task, quick to parse."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from dags.graph import read_graph
from tests.synth.airflow import ROOT, airflow_environment

HEAVY = ("torch", "mlflow", "dvc", "ray", "pyarrow", "numpy", "pandas", "stages")

# What the file adds to an Airflow that is loaded already, and what came of it.
LOAD = """
import json, sys, time, runpy
import airflow.sdk, airflow.providers.standard.operators.bash
before, started_s = set(sys.modules), time.process_time()
sys.path.insert(0, sys.argv[1])
dag = next(v for v in runpy.run_path(sys.argv[1] + "/retrain.py").values() if isinstance(v, airflow.sdk.DAG))
parse_s = time.process_time() - started_s
print(json.dumps({
    "parse_s": parse_s,
    "modules": sorted({name.partition(".")[0] for name in set(sys.modules) - before}),
    "edges": [[task.task_id, user] for task in dag.tasks for user in task.downstream_task_ids],
    "tasks": {task.task_id: {
        "command": task.bash_command, "cwd": task.cwd, "retries": task.retries,
        "backoff": bool(task.retry_exponential_backoff), "timeout_s": task.execution_timeout.total_seconds(),
    } for task in dag.tasks},
    "dag": [dag.dag_id, dag.max_active_runs, dag.catchup],
}))
"""


def load(home: Path, workspace: Path) -> dict[str, Any]:
    done = subprocess.run(
        [sys.executable, "-P", "-c", LOAD, str(ROOT / "dags")],
        env=airflow_environment(home, workspace),
        cwd=home,
        capture_output=True,
        text=True,
        check=True,
    )
    return json.loads(done.stdout.splitlines()[-1])


@pytest.fixture(scope="module")
def loaded(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    return load(tmp_path_factory.mktemp("airflow"), ROOT)


def task_id(address: str) -> str:
    return address.replace("@", ".")


def test_it_has_the_tasks_and_edges_of_dvc_yaml(loaded: dict[str, Any]) -> None:
    graph = read_graph(ROOT)
    assert set(loaded["tasks"]) == set(map(task_id, graph.stages))
    assert sorted(loaded["edges"]) == sorted([task_id(maker), task_id(user)] for maker, user in graph.edges)
    assert "train.pixels" in loaded["tasks"]
    assert loaded["dag"] == ["retrain", 1, False]


def test_every_task_asks_dvc_for_its_one_stage_within_limits(loaded: dict[str, Any]) -> None:
    for address in read_graph(ROOT).stages:
        task = loaded["tasks"][task_id(address)]
        assert task["command"].endswith(f" exec dvc --wait-for-lock repro --single-item {address}")
        assert task["cwd"] == str(ROOT)
        assert task["retries"] >= 1
        assert task["backoff"]
        assert 0 < task["timeout_s"] <= 24 * 3600


def test_it_parses_in_less_than_a_second_without_heavy_modules(loaded: dict[str, Any]) -> None:
    assert loaded["parse_s"] < 1
    assert not set(HEAVY) & set(loaded["modules"])


def test_a_tasks_command_works_in_its_workspace_and_shows_why_it_failed(tmp_path: Path) -> None:
    workspace, home = tmp_path / "workspace", tmp_path / "home"
    workspace.mkdir()
    home.mkdir()
    complaint = "print('no videos at all', file=sys.stderr); sys.exit(1)"
    pipeline = {
        "first": {"foreach": "${items}", "do": {"cmd": "echo ${item} > ${item}.txt", "outs": ["${item}.txt"]}},
        "last": {"cmd": f'python -c "import sys; {complaint}"', "deps": ["a.txt"], "outs": ["never"]},
    }
    (workspace / "dvc.yaml").write_text(yaml.safe_dump({"stages": pipeline}), encoding="utf-8")
    (workspace / "params.yaml").write_text("items: [a]\n", encoding="utf-8")
    subprocess.run(["dvc", "init", "--no-scm", "--quiet"], cwd=workspace, check=True)
    loaded = load(home, workspace)
    assert sorted(loaded["edges"]) == [["first.a", "last"]]

    def run(task: str) -> subprocess.CompletedProcess[str]:
        command, folder = loaded["tasks"][task]["command"], loaded["tasks"][task]["cwd"]
        return subprocess.run(["bash", "-c", command], cwd=folder, capture_output=True, text=True, check=False)

    assert run("first.a").returncode == 0
    assert (workspace / "a.txt").read_text(encoding="utf-8") == "a\n"
    failed = run("last")
    assert failed.returncode != 0
    assert "no videos at all" in failed.stdout + failed.stderr
