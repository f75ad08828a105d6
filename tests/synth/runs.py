"""A tiny pipeline in git and DVC whose commands keep a diary, and the context that Airflow would give its tasks."""

import os
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import yaml

ROOT = Path(__file__).resolve().parents[2]
MOMENT = datetime(2026, 1, 2, 3, tzinfo=UTC)

PIPELINE: dict[str, Any] = {
    "perform": {
        "foreach": "${index.builtin}",
        "do": {
            "cmd": "mkdir -p data/videos/${item} && echo ${item} > data/videos/${item}/a.mp4 && echo perform >> $DIARY",
            "params": ["seed"],  # of a stage that depends on nothing DVC keeps no runs
            "outs": ["data/videos/${item}"],
        },
    },
    "decode": {
        "cmd": "cat data/videos/*/*.mp4 > decoded && echo decode >> $DIARY",
        "params": ["scale"],
        "deps": ["${index.videos}"],
        "outs": ["decoded"],
    },
    "train": {
        "foreach": "${models}",
        "do": {"cmd": "cp decoded ${key}.model && echo train >> $DIARY", "deps": ["decoded"], "outs": ["${key}.model"]},
    },
}
PARAMS: dict[str, Any] = {
    "seed": 1,
    "scale": 1,
    "index": {"videos": "data/videos", "builtin": ["first"]},
    "models": {"pixels": {}},
}
FORM: dict[str, Any] = {"preset": "current", "models": [], "overrides": [], "promote": True, "min_new_videos": 0}


def make_pipeline(folder: Path) -> Path:
    """A committed workspace with three stages, of which nothing was run."""
    folder.mkdir(parents=True)
    (folder / "dvc.yaml").write_text(yaml.safe_dump({"stages": PIPELINE}), encoding="utf-8")
    (folder / "params.yaml").write_text(yaml.safe_dump(PARAMS), encoding="utf-8")
    (folder / ".gitignore").write_text("/.runs/\n.locks/\n/inbox/\n", encoding="utf-8")
    (folder / ".dvcignore").write_text((ROOT / ".dvcignore").read_text(encoding="utf-8"), encoding="utf-8")
    shell(folder, "git init --quiet && dvc init --quiet && dvc config core.autostage false")
    shell(folder, "git add --all && git commit --quiet --message small")
    return folder


def shell(folder: Path, line: str) -> str:
    """Run a shell line as a person would; its output."""
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    names = {f"GIT_{role}_{what}": "tests" for role in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")}
    own = {**os.environ, **names, "PATH": path, "DIARY": "/dev/null"}
    done = subprocess.run(["/bin/sh", "-c", line], cwd=folder, env=own, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


class Task:
    """What a task knows of itself and can learn of others: the door to Airflow's own store of answers."""

    dag_id, task_id, try_number, log_url = "retrain", "decode", 1, "http://127.0.0.1/log"

    def __init__(self, answers: dict[str, Any]) -> None:
        self._answers = answers

    def xcom_pull(self, task_ids: str | list[str]) -> Any:
        """The answer of a task, None where it gave none; a list for a list."""
        if isinstance(task_ids, str):
            return self._answers.get(task_ids)
        return [self._answers.get(name) for name in task_ids]


def context_of(run_id: str, answers: dict[str, Any], **form: Any) -> dict[str, Any]:
    """Context of a task of a run; `answers` by task are those that came before."""
    run = SimpleNamespace(dag_id="retrain", run_id=run_id, run_after=MOMENT, start_date=MOMENT)
    return {"run_id": run_id, "dag_run": run, "params": FORM | form, "ti": Task(answers)}
