"""dags/commands.py in an Airflow that is loaded once: how a command ends is how its task does; and who uses it."""

import json
import subprocess
import sys
from typing import Any

import pytest

from tests.synth.airflow import ROOT, airflow_environment

HEAVY = ("torch", "mlflow", "dvc", "ray", "pyarrow", "numpy", "pandas", "stages")

# A package of the name that tasks call: it does what its words say.
COMMANDS = """
import json, os, signal, subprocess, sys, time
word, *rest = sys.argv[1:]
if word == "say":
    print("on its way", file=sys.stderr)
    print(json.dumps({"words": rest, "there": os.getcwd()}))
elif word == "end":
    print("because of the moon", file=sys.stderr)
    print(json.dumps({"status": rest[0]}))
    sys.exit(int(rest[0]))
elif word == "die":
    os.kill(os.getpid(), signal.SIGKILL)
elif word == "stay":
    child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
    print(child.pid, os.getpid(), file=sys.stderr, flush=True)
    time.sleep(600)
"""

SCRIPT = """
import json, os, re, runpy, sys, threading, time
import airflow.sdk
before, started_s = set(sys.modules), time.process_time()
sys.path.insert(0, sys.argv[1])
files = {name: runpy.run_path(f"{sys.argv[1]}/{name}.py") for name in ("backfill", "maintenance")}
parse_s = time.process_time() - started_s
modules = sorted({name.partition(".")[0] for name in set(sys.modules) - before})
from commands import Stages

def end(*words, accepts=(), pick=None):
    task = Stages(task_id="t", words=lambda params: words, accepts=accepts, pick=pick)
    try:
        return ["done", task.execute({"params": {}})]
    except Exception as error:
        return [type(error).__name__, str(error)]

def stay():
    task = Stages(task_id="t", words=lambda params: ["stay"])
    said = []
    task.log.info = lambda text, *values: said.append(text % values)
    threading.Timer(20, task.on_kill).start()
    try:
        task.execute({"params": {}})
        kind = "done"
    except Exception as error:
        kind = type(error).__name__
    pids = [int(pid) for line in said for pid in re.findall(r"^(\\d+) (\\d+)$", line) for pid in pid]
    time.sleep(1)
    return [kind, len(pids), [pid for pid in pids if os.path.exists(f"/proc/{pid}/cwd")]]

def about(task):
    words = task.words(PARAMS) if type(task) is Stages else None
    return {
        "words": words, "retries": task.retries, "timeout_s": task.execution_timeout.total_seconds(),
        "before": sorted(task.upstream_task_ids),
    }

PARAMS = {"keep_days": 30, "keep_runs_days": 14, "low": 0.8, "high": 0.9, "dry_run": True, "models": ["pixels"],
          "versions": ["motions/3"], "only_missing": True}
dags = {name: next(v for v in file.values() if isinstance(v, airflow.sdk.DAG)) for name, file in files.items()}
print("RESULT", json.dumps({
    "parse_s": parse_s, "modules": modules,
    "said": end("say", "a", "b"), "picked": end("say", "c", pick="words"),
    "accepted": end("end", "3", accepts=[3]), "final": end("end", "3"), "passing": end("end", "75"),
    "killed": end("die"),
    "stayed": stay(),
    "dags": {name: {task.task_id: about(task) for task in dag.tasks} for name, dag in dags.items()},
    "runs": {name: [dag.max_active_runs, dag.catchup] for name, dag in dags.items()},
}))
"""


@pytest.fixture(scope="module")
def result(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    home, workspace = (tmp_path_factory.mktemp(name) for name in ("home", "workspace"))
    (workspace / "stages").mkdir()
    (workspace / "stages" / "__main__.py").write_text(COMMANDS, encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "-P", "-c", SCRIPT, str(ROOT / "dags")],
        env=airflow_environment(home, workspace),
        cwd=home,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-4000:]
    (line,) = [line for line in done.stdout.splitlines() if line.startswith("RESULT ")]
    return {**json.loads(line.removeprefix("RESULT ")), "workspace": str(workspace)}


def test_what_a_command_prints_is_the_result_and_it_stands_in_the_workspace(result: dict[str, Any]) -> None:
    assert result["said"] == ["done", {"words": ["a", "b"], "there": result["workspace"]}]
    assert result["picked"] == ["done", ["c"]]


def test_only_what_may_end_otherwise_next_time_is_tried_again(result: dict[str, Any]) -> None:
    assert result["passing"][0] == result["killed"][0] == "AirflowException"
    assert result["final"] == ["AirflowFailException", "`stages end 3` ended with status 3:\nbecause of the moon"]
    assert result["accepted"] == ["done", {"status": "3"}]


def test_a_killed_task_leaves_no_process(result: dict[str, Any]) -> None:
    assert result["stayed"] == ["AirflowException", 2, []]


def test_the_files_parse_in_less_than_a_second_without_heavy_modules(result: dict[str, Any]) -> None:
    assert result["parse_s"] < 1
    assert not set(HEAVY) & set(result["modules"])


def test_every_task_has_limits_and_its_place(result: dict[str, Any]) -> None:
    assert result["runs"] == {"backfill": [1, False], "maintenance": [1, False]}
    for tasks in result["dags"].values():
        assert all(task["retries"] >= 1 and 0 < task["timeout_s"] <= 6 * 3600 for task in tasks.values())
    before = {name: task["before"] for name, task in result["dags"]["maintenance"].items()}
    assert before == {
        "clear": [],
        "gc": [],
        "tidy": [],
        "trim": ["clear"],
        "disk": ["gc", "tidy", "trim"],
        "summary": ["clear", "disk", "gc", "tidy", "trim"],
    }
    assert result["dags"]["backfill"]["rescore"]["before"] == ["list"]
    assert result["dags"]["backfill"]["table"]["before"] == ["rescore"]


def test_the_forms_reach_the_commands(result: dict[str, Any]) -> None:
    keeping, scoring = result["dags"]["maintenance"], result["dags"]["backfill"]
    assert keeping["clear"]["words"] == ["clear", "--json", "--keep-days", "14", "--dry-run"]
    for command in ("trim", "gc", "tidy"):
        assert keeping[command]["words"] == [command, "--json", "--keep-days", "30", "--dry-run"]
    assert keeping["disk"]["words"] == ["disk", "--json", "--low", "0.8", "--high", "0.9"]
    assert scoring["list"]["words"] == ["standings", "--json", "pixels", "motions/3"]
