"""Frees, week by week, what nobody needs any more, and says when a disk fills up all the same.

    clear   git worktrees of runs that ended            trim   DVC's cache, after them
    gc      the store                                   tidy   MLflow: orphaned runs, empty runs, its bin
    disk    above the low mark a warning; above the high one a failure that says what to free
    summary what was freed; fails where any of these did

PIXELS_MAINTENANCE is the schedule: @weekly without it; @daily, a cron expression, or "never".
"""

import os
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from airflow.sdk import DAG, BaseOperator, Param
from airflow.sdk.exceptions import AirflowFailException
from commands import Stages
from notes import write_note

_SCHEDULE = os.environ.get("PIXELS_MAINTENANCE", "@weekly")
_GB = 1e9
_WARNING = 3  # exit status: `disk` is above the low mark, `trim` and `tidy` left something and say why

FORM: Any = {
    "keep_days": Param(
        30,
        type="number",
        minimum=0,
        title="Days to keep",
        description="Of finished work in the store, outs of commits, and runs in MLflow.",
    ),
    "keep_runs_days": Param(
        14, type="number", minimum=0, title="Days to keep worktrees of runs", description="After their last change."
    ),
    "low": Param(0.85, type="number", minimum=0, maximum=1, title="Low mark", description="Share of a disk in use."),
    "high": Param(0.95, type="number", minimum=0, maximum=1, title="High mark", description="Above it the run fails."),
    "dry_run": Param(False, type="boolean", title="Dry run", description="Say what would go; remove nothing."),
}


def freeing(command: str, days: str, **options: Any) -> Stages:
    """A task of one command that removes what is older than the param `days`."""

    def words(params: Mapping[str, Any]) -> list[str]:
        dry = ["--dry-run"] if params["dry_run"] else []
        return [command, "--json", "--keep-days", str(params[days]), *dry]

    return Stages(task_id=command, words=words, **options)


class Summary(BaseOperator):
    """One line for each task before this one."""

    def execute(self, context: Any) -> str:
        """The lines, which are the run's note, too; `AirflowFailException` with them where a task has no result."""
        tasks = sorted(self.upstream_task_ids)
        found = {task: context["ti"].xcom_pull(task_ids=task) for task in tasks}
        text = "\n".join(f"{task}: {'FAILED' if said is None else tell(task, said)}" for task, said in found.items())
        self.log.info("%s", text)
        write_note(self.dag_id, context["run_id"], text)
        if None in found.values():
            raise AirflowFailException(text)
        return text


def tell(task: str, said: Mapping[str, Any]) -> str:
    """What a command's JSON comes to."""
    if task == "disk":
        return "; ".join(
            f"{', '.join(disk['places'])}: {disk['used_share']:.1%} in use, {disk['level']}" for disk in said["disks"]
        )
    freed = sum(room["freed_bytes"] for room in said["rooms"]) if task == "gc" else said["freed_bytes"]
    mood = "would free" if said["dry_run"] else "freed"
    return f"{mood} {freed / _GB:.3f} GB. {said.get('kept_because', '')}".rstrip()


with DAG(
    "maintenance",
    description="Free what nobody needs; watch the disks",
    doc_md=__doc__,
    schedule=None if _SCHEDULE == "never" else _SCHEDULE,
    start_date=datetime(2025, 1, 1),
    catchup=False,
    max_active_runs=1,
    params=FORM,
    default_args={"retries": 2, "retry_delay": timedelta(minutes=5), "execution_timeout": timedelta(hours=2)},
) as dag:
    cleared = freeing("clear", "keep_runs_days")
    trimmed = freeing("trim", "keep_days", accepts=[_WARNING], trigger_rule="all_done")
    freed = [freeing("gc", "keep_days"), freeing("tidy", "keep_days", accepts=[_WARNING]), trimmed]
    watched = Stages(
        task_id="disk",
        words=lambda params: ["disk", "--json", "--low", str(params["low"]), "--high", str(params["high"])],
        accepts=[_WARNING],
        trigger_rule="all_done",
    )
    summed = Summary(task_id="summary", trigger_rule="all_done")
    cleared.set_downstream(trimmed)
    for _task in freed:
        _task.set_downstream(watched)
    for _task in (cleared, *freed, watched):
        _task.set_downstream(summed)
