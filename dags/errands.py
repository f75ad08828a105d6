"""What the tasks around the stages do, each a function of the task's context: begin a run, take videos in, end it."""

import json
import logging
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path, PurePosixPath
from typing import Any

import worktrees
import yaml
from airflow.sdk.exceptions import AirflowException, AirflowFailException
from arriving import link, look, move
from calls import Call
from graph import read_graph, read_widest
from notes import write_note
from places import Places
from steps import bring, check, entries, facts_of
from telling import Told, receipts, summary

_LOG = logging.getLogger(__name__)


def enough(places: Places, context: Mapping[str, Any], *, quiet_s: float) -> bool:
    """Whether as many settled videos wait in the inbox as this run wants; if not, nothing of it is run."""
    found, wanted = look(places.inbox, quiet_s=quiet_s, now_s=time.time()), context["params"]["min_new_videos"]
    _LOG.info("%d videos wait in %s, %d are wanted", len(found.settled), places.inbox, wanted)
    return len(found.settled) >= wanted


def prepare(places: Places, context: Mapping[str, Any]) -> worktrees.Facts:
    """Make the run's worktree; a form that cannot be run fails at once."""
    try:
        facts = worktrees.prepare(places, context["run_id"], context["params"])
    except worktrees.FormError as error:
        raise AirflowFailException(str(error)) from error
    except worktrees.WorktreeError as error:
        raise AirflowException(str(error)) from error
    _LOG.info("%s: commit %s", places.runs / facts["name"], facts["commit"])
    for line in facts["uncommitted"]:
        _LOG.warning("not committed, so not part of this run: %s", line)
    return facts


def arrive(places: Places, context: Mapping[str, Any], *, quiet_s: float) -> dict[str, Any]:
    """Move what has settled in the inbox into an arrival folder of this run, and give the worktree all videos."""
    facts = facts_of(context)
    folder = worktrees.ensure(places, facts)
    root = Path(yaml.safe_load(facts["params"])["index"]["videos"])
    videos = places.workspace / root  # an absolute root stays what it is
    name = arrival_name(context["run_id"], context["dag_run"].run_after)
    found = look(places.inbox, quiet_s=quiet_s, now_s=time.time())
    move(places.inbox, videos / name, found.settled)
    _LOG.info("moved %d videos from %s; %d are still moving", len(found.settled), places.inbox, len(found.moving))
    if not root.is_absolute():
        _LOG.info("linked %d videos of %s", link(videos, folder / root, _rendered(places, root)), videos)
    arrived = sorted(path.relative_to(videos / name).as_posix() for path in (videos / name).rglob("*.*"))
    return {"arrival": name if arrived else None, "videos": arrived}


def arrival_name(run_id: str, moment: datetime) -> str:
    """Folder of the videos that a run takes in, the same at each try: `inbox-20260102-1a2b3c4d`."""
    return f"inbox-{moment.astimezone(UTC):%Y%m%d}-{worktrees.name_of(run_id)[-8:]}"


def promotable(context: Mapping[str, Any]) -> list[str]:
    """Tasks that ask the gate: one for each model of this run, none where the form does not want it."""
    models = yaml.safe_load(facts_of(context)["params"])["models"]
    return [f"promote.{name}" for name in models] if context["params"]["promote"] else []


def summarise(places: Places, context: Mapping[str, Any]) -> str:
    """Say what the run came to: in the log, as the run's note, and as this task's answer."""
    task, facts = context["ti"], facts_of(context)
    folder = worktrees.ensure(places, facts)
    call = Call(folder, places.environment(), _LOG.info)
    bring(
        context, folder, call, [name for name in read_graph(folder).stages if name.startswith(("register@", "report"))]
    )
    made = receipts(folder / "reports" / "register")
    versions = {name: _version(call, name, receipt["version"]) for name, receipt in made.items()}
    asked = {name: task.xcom_pull(task_ids=f"promote.{name}") for name in made}
    told = Told(
        arrival=task.xcom_pull(task_ids="arrive") or {},
        admission=task.xcom_pull(task_ids="admit") or {},
        metrics=json.loads((folder / "reports/metrics.json").read_text(encoding="utf-8")),
        versions=versions,
        outcomes={name: answer["outcome"] for name, answer in asked.items() if answer},
        duration_s=(datetime.now(UTC) - context["dag_run"].start_date).total_seconds(),
    )
    text = summary(told, places.tracking_uri())
    _LOG.info("%s", text)
    write_note(context["dag_run"].dag_id, context["run_id"], text)
    return text


def conclude(places: Places, context: Mapping[str, Any]) -> str:
    """Keep the record of a run that went well and remove its worktree; again, it finds that done."""
    facts = facts_of(context)
    if (places.runs / facts["name"]).exists() or not worktrees.is_kept(places, facts):
        folder = worktrees.ensure(places, facts)
        worktrees.take_entries(folder, entries(context, list(read_graph(folder).stages)))
        worktrees.keep(places, facts, context["ti"].xcom_pull(task_ids="summary"))
    worktrees.remove(places, facts["name"])
    return str(places.runs / "records" / facts["name"])


def _rendered(places: Places, root: Path) -> list[str]:
    """First-level folders of the videos that stages make: nobody's own, whatever params they were made with."""
    outs = [out for stage in read_widest(places.workspace).stages.values() for out in stage.outs]
    top = PurePosixPath(root.as_posix())
    return [out.relative_to(top).as_posix() for out in outs if out.is_relative_to(top) and out != top]


def _version(call: Call, model: str, number: str) -> dict[str, Any]:
    said = call.ask(["python", "-m", "stages", "history", model, "--json"])
    check(said, "history")
    return next(version for version in json.loads(said.answer) if version["number"] == number)
