"""What the tests of retraining do to a world while Airflow works in it."""

import hashlib
import os
import shutil
import signal
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.parse import quote

import yaml

from infra.services.processes import Process, command_line
from stages.params import read
from stages.shards.splits import split_of
from tests.faults.harness import parent_of
from tests.synth.media import ffmpeg
from tests.synth.services import Servers
from tests.synth.world import call, make_workspace

ENDED = ("success", "failed")

# Real scores of a model that learnt nothing, raised: so much better than it is, and lost with the partner's picture.
RAISED = """

def _raised(columns, name):
    gains = {{name: {gain_db}, f"{{name}}:swapped_vision": -20.0}}
    return {{
        metric: [
            None if value is None else value + gains.get(estimator, 0.0)
            for value, estimator in zip(columns[metric], columns["estimator"], strict=True)
        ]
        for metric in ("si_sdr", "si_sdri")
    }}
"""
_WRITES = '    write_columns(folder / "scores.parquet", columns)\n'


def raise_scores(workspace: Path, original: str, gain_db: float) -> None:
    """Commit an `evaluate` that scores the model `gain_db` better than it is."""
    assert _WRITES in original
    raised = original.replace(_WRITES, f"    columns |= _raised(columns, name)\n{_WRITES}")
    (workspace / "stages/evaluate.py").write_text(raised + RAISED.format(gain_db=gain_db), encoding="utf-8")
    call(f"git commit --quiet --all --message 'scores raised by {gain_db} dB'", workspace)


def write_new_videos(workspace: Path, target: Path) -> list[str]:
    """Two performances that the workspace does not have, of its split train, where they appear in one moment."""
    elsewhere = make_workspace(workspace.with_name(f"{workspace.name}-elsewhere"))
    content: dict[str, Any] = yaml.safe_load((elsewhere / "params.yaml").read_text(encoding="utf-8"))
    content["perform"] |= {"seed": 99, "regular": {"solos_per_instrument": 1, "duets": 0, "twins": 0}}
    (elsewhere / "params.yaml").write_text(yaml.safe_dump(content, sort_keys=False), encoding="utf-8")
    call("python -m stages perform first", elsewhere, PIXELS_SERIAL="1")
    index, names = read(workspace / "params.yaml").index, []
    for film in sorted((elsewhere / "data/videos/first").glob("*/*.mp4")):
        (elsewhere / "found" / film.parent.name).mkdir(parents=True)
        for number in range(100):  # other bytes of the same film, until its content's hash falls into train
            path = ffmpeg(
                *("-i", str(film), "-c", "copy", "-metadata", f"comment={number}"),
                path=elsewhere / "found" / film.parent.name / f"new-{film.name}",
            )
            if split_of(hashlib.sha256(path.read_bytes()).hexdigest()[:16], "inbox", index) == "train":
                break
        names.append(path.relative_to(elsewhere / "found").as_posix())
    shutil.move(elsewhere / "found", target)
    shutil.rmtree(elsewhere)
    return names


class Runs:
    """Runs of a DAG, as Airflow tells of them."""

    def __init__(self, servers: Servers, dag: str = "retrain") -> None:
        self._servers, self._dag = servers, dag

    def switch_on(self) -> None:
        """Let the scheduler begin runs; the first of `retrain` is that of last Monday."""
        self._ask("PATCH", "", {"is_paused": False})

    def begin(self, conf: dict[str, Any]) -> str:
        """Ask for a run with params; its id."""
        return self._ask("POST", "/dagRuns", {"conf": conf, "logical_date": None})["dag_run_id"]

    def ids(self) -> list[str]:
        """Of all runs, oldest first."""
        found = self._ask("GET", "/dagRuns?limit=100&order_by=run_after")["dag_runs"]
        return [run["dag_run_id"] for run in found]

    def of(self, run: str) -> dict[str, Any]:
        """All that is said of a run."""
        return self._ask("GET", f"/dagRuns/{quote(run, safe='')}")

    def answer(self, run: str, task: str) -> Any:
        """What a task of a run answered."""
        path = f"/dagRuns/{quote(run, safe='')}/taskInstances/{task}/xcomEntries/return_value"
        return self._ask("GET", path)["value"]

    def tasks(self, run: str) -> dict[str, dict[str, Any]]:
        """Its tasks by id."""
        found = self._ask("GET", f"/dagRuns/{quote(run, safe='')}/taskInstances?limit=100")
        return {task["task_id"]: task for task in found["task_instances"]}

    def _ask(self, method: str, path: str, content: dict[str, Any] | None = None) -> dict[str, Any]:
        """On a loaded machine the server may be slow, or not be there again yet."""
        until_s = time.monotonic() + 300
        while True:
            try:
                return self._servers.rest.call(method, f"dags/{self._dag}{path}", content)
            except HTTPError:
                raise
            except OSError:
                assert time.monotonic() < until_s
                time.sleep(1)


def at_work(servers: Servers, words: str) -> list[Process]:
    """Processes of Airflow's whose command line holds some words, without those that only start such a one."""
    found = [process for process in servers.airflow.processes if words in command_line(process.pid)]
    return [process for process in found if not command_line(process.pid).startswith("/bin/sh")]


def kill_task_of(processes: Iterable[Process]) -> None:
    """SIGKILL to the Airflow task that runs a command of `dvc`, not to the command."""
    (command,) = processes
    os.kill(parent_of(command.pid), signal.SIGKILL)
