"""An Airflow of its own for a test: sqlite, no examples, nothing outside its home folder."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]


def dags_test(workspace: Path, environment: Mapping[str, str], **form: Any) -> str:
    """Run `airflow dags test retrain` on a workspace; returns what it said, and fails with the end of it.

    Args:
        workspace: A git and DVC workspace, everything committed.
        environment: What to add to.
        form: Params of the run that are not the defaults.
    """
    home = workspace / "airflow-home"
    home.mkdir(exist_ok=True)
    own = airflow_environment(home, workspace, inherited=environment)
    airflow("db migrate", own)
    # With neither option it asks a database that no scheduler has filled; without a bundle nothing is on sys.path.
    assert "No data found" in airflow("dags list-import-errors --local --bundle-name dags-folder", own)
    return airflow("dags test retrain", own, *(["--conf", json.dumps(form)] if form else []))


def take_over(workspace: Path) -> None:
    """Make a workspace what its last good run was: params, lock, and outs from the cache."""
    for name in ("params.yaml", "dvc.lock"):
        shutil.copy(workspace / ".runs/good" / name, workspace / name)
    subprocess.run([sys.executable, "-m", "dvc", "checkout", "--quiet"], cwd=workspace, check=True)


def airflow(command: str, environment: Mapping[str, str], *more: str) -> str:
    """Run one command of Airflow's to success."""
    done = subprocess.run(
        [sys.executable, "-m", "airflow", *command.split(), *more],
        env=environment,
        cwd=environment["AIRFLOW_HOME"],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    assert done.returncode == 0, f"`airflow {command}` ended with status {done.returncode}:\n{done.stdout[-6000:]}"
    return done.stdout


def airflow_environment(home: Path, workspace: Path, inherited: Mapping[str, str] = os.environ) -> dict[str, str]:
    """Environment of `airflow ...` commands that work on a workspace; `airflow db migrate` comes first.

    Args:
        home: Airflow's folder for its database, logs and configuration.
        workspace: Holds dvc.yaml, params.yaml and all that its commands need.
        inherited: What to add to.
    """
    settings = {
        "AIRFLOW_HOME": home,
        "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": f"sqlite:///{home / 'airflow.db'}",
        "AIRFLOW__CORE__DAGS_FOLDER": ROOT / "dags",
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "AIRFLOW__USAGE_DATA_COLLECTION__ENABLED": "False",
        "PIXELS_WORKSPACE": workspace,
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{inherited['PATH']}",
    }
    return {**inherited, **{name: str(value) for name, value in settings.items()}}
