"""The pipeline as an Airflow DAG: a task for each stage of dvc.yaml, `train@pixels` as `train.pixels`.

Each task asks DVC for its one stage, so what is up to date is skipped and a manual `dvc repro` and this DAG share all
results. PIXELS_WORKSPACE names the checkout to work in; without it, the one that holds this file.
"""

import os
import sys
from datetime import datetime, timedelta
from pathlib import Path

from airflow.providers.standard.operators.bash import BashOperator
from airflow.sdk import DAG, TaskGroup
from graph import Stage, read_graph

WORKSPACE = Path(os.environ.get("PIXELS_WORKSPACE", Path(__file__).resolve().parents[1])).resolve()
GRAPH = read_graph(WORKSPACE)


def bash_command(stage: Stage) -> str:
    """The shell line of a task: the workspace's own Python if it has one, else the one that runs Airflow.

    Tasks side by side wait for DVC's locks instead of failing on them.
    """
    own = WORKSPACE / ".venv" / "bin"
    tools = own if own.is_dir() else Path(sys.executable).parent
    return f'PATH="{tools}:$PATH" exec dvc --wait-for-lock repro --single-item {stage.address}'


def task(stage: Stage, group: TaskGroup | None) -> BashOperator:
    """One stage; the items of a `foreach` stand together in a group of the stage's name."""
    return BashOperator(
        task_id=stage.item or stage.group,
        task_group=group,
        bash_command=bash_command(stage),
        cwd=str(WORKSPACE),
        do_xcom_push=False,
        append_env=True,
        env={"DVC_NO_ANALYTICS": "1", "DO_NOT_TRACK": "1"},
    )


with DAG(
    "retrain",
    description="From videos to a registered model",
    doc_md=__doc__,
    schedule=None,
    start_date=datetime(2025, 1, 1),
    catchup=False,
    max_active_runs=1,
    default_args={
        "execution_timeout": timedelta(hours=24),
        "retries": 2,
        "retry_delay": timedelta(minutes=1),
        "retry_exponential_backoff": True,
        "max_retry_delay": timedelta(minutes=10),
    },
) as dag:
    _groups = {name: TaskGroup(name) for name in sorted({s.group for s in GRAPH.stages.values() if s.item is not None})}
    _tasks = {address: task(stage, _groups.get(stage.group)) for address, stage in GRAPH.stages.items()}
    for _maker, _user in sorted(GRAPH.edges):
        _tasks[_maker].set_downstream(_tasks[_user])
