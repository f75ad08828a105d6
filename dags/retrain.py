"""Retraining, every Monday and when enough videos have arrived: from videos to a champion, if the gate agrees.

Each run works in a git worktree of its own. Between `prepare`, `arrive`, `admit`, `promote`, `summary` and `conclude`
stand the stages of dvc.yaml, one task each, `train@pixels` as `train.pixels`, with the same arrows. What each does, and
which settings there are, stands in docs/airflow.md.
"""

import os
from datetime import datetime, timedelta
from typing import Any

import errands
from airflow.sdk import (
    DAG,
    Asset,
    AssetOrTimeSchedule,
    AssetWatcher,
    CronTriggerTimetable,
    Param,
    TaskGroup,
    TriggerRule,
    chain,
    get_current_context,
    task,
)
from airflow.sdk.definitions.param import ParamsDict
from alarms import ring
from graph import Stage, read_widest
from inbox import InboxTrigger
from places import places
from steps import Admit, Promote, Registration, Repro
from worktrees import CURRENT

PLACES = places()
GRAPH = read_widest(PLACES.workspace)
QUIET_S = float(os.environ.get("PIXELS_INBOX_QUIET_S", "300"))
MIN_VIDEOS = int(os.environ.get("PIXELS_INBOX_VIDEOS", "10"))
PATIENCE_S = 6 * 3600.0
POLL_S = min(60.0, QUIET_S)

WORKSPACE_POOL, GPU_POOL = "workspace", "gpu"
ON_GPU = ("train", "flow")
HOURS = {"train": 96, "flow": 48}  # of other stages 12
OVERRIDE = r"^(~[A-Za-z_][\w.]*|\+{0,2}[A-Za-z_][\w.]*=.*)$"


def models() -> list[str]:
    """Of params.yaml and all presets."""
    return sorted({str(stage.item) for stage in GRAPH.stages.values() if stage.group == "train"})


def form() -> dict[str, Param]:
    """What may be filled in when a run is started by hand; other runs take the defaults."""
    presets = sorted(path.stem for path in (PLACES.workspace / "presets").glob("*.yaml"))
    return {
        "preset": Param(
            CURRENT, "The params to begin with: the workspace's own, or a preset.", enum=[CURRENT, *presets]
        ),
        "models": Param(
            [],
            "Models to train; none named: all of them.",
            type="array",
            items={"type": "string", "enum": models()},
            examples=models(),
        ),
        "overrides": Param(
            [],
            "Single values, one a line, as `dvc exp run -S` takes them: train.seed=2",
            type="array",
            items={"type": "string", "pattern": OVERRIDE},
        ),
        "promote": Param(True, "Make a version champion if the gate lets it through.", type="boolean"),
        "min_new_videos": Param(0, "Run only if so many videos wait in the inbox.", type="integer", minimum=0),
    }


def makers(address: str) -> list[str]:
    """Stages whose outs a stage uses."""
    return sorted(maker for maker, user in GRAPH.edges if user == address)


def step(stage: Stage, group: TaskGroup | None) -> Repro:
    """One stage; the items of a `foreach` stand together in a group of the stage's name."""
    kind = Registration if stage.group == "register" else Repro
    return kind(
        task_id=stage.item or stage.group,
        task_group=group,
        address=stage.address,
        needs=makers(stage.address),
        pool=GPU_POOL if stage.group in ON_GPU else WORKSPACE_POOL,
        execution_timeout=timedelta(hours=HOURS.get(stage.group, 12)),
    )


def steps_of(*groups: str) -> list[str]:
    """Addresses of all stages of these names."""
    return [address for address, stage in GRAPH.stages.items() if stage.group in groups]


INBOX = Asset(
    name="inbox",
    uri=PLACES.inbox.as_uri(),
    watchers=[
        AssetWatcher(
            name="inbox",
            trigger=InboxTrigger(
                folder=str(PLACES.inbox),
                min_videos=MIN_VIDEOS,
                quiet_s=QUIET_S,
                patience_s=PATIENCE_S,
                poll_s=POLL_S,
            ),
        )
    ],
)

with DAG(
    "retrain",
    description="From videos to a registered model",
    doc_md=__doc__,
    schedule=AssetOrTimeSchedule(timetable=CronTriggerTimetable("0 3 * * 1", timezone="UTC"), assets=INBOX),
    start_date=datetime(2025, 1, 1),
    catchup=False,
    max_active_runs=1,
    params=ParamsDict(form()),
    default_args={
        "execution_timeout": timedelta(hours=1),
        "retries": 2,
        "retry_delay": timedelta(minutes=1),
        "retry_exponential_backoff": True,
        "max_retry_delay": timedelta(minutes=10),
        "trigger_rule": TriggerRule.NONE_FAILED,  # a stage that a run's params do not have is skipped, not what follows
        "on_failure_callback": ring,
    },
) as dag:

    @task.short_circuit
    def enough() -> bool:
        """Stop here where fewer videos wait than the form wants."""
        return errands.enough(PLACES, get_current_context(), quiet_s=QUIET_S)

    @task(pool=WORKSPACE_POOL)
    def prepare() -> dict[str, Any]:
        """Make the run's worktree and params."""
        return errands.prepare(PLACES, get_current_context())

    @task(pool=WORKSPACE_POOL, execution_timeout=timedelta(hours=6))
    def arrive() -> dict[str, Any]:
        """Move settled videos of the inbox into an arrival folder."""
        return errands.arrive(PLACES, get_current_context(), quiet_s=QUIET_S)

    @task.branch(task_id="choose")
    def choose() -> list[str]:
        """Ask the gate for each model of this run, if the form wants it."""
        return errands.promotable(get_current_context())

    @task
    def summary() -> str:
        """What the run came to, as its note."""
        return errands.summarise(PLACES, get_current_context())

    @task(pool=WORKSPACE_POOL)
    def conclude() -> str:
        """Keep the record, remove the worktree."""
        return errands.conclude(PLACES, get_current_context())

    _groups = {name: TaskGroup(name) for name in sorted({s.group for s in GRAPH.stages.values() if s.item is not None})}
    _steps = {address: step(stage, _groups.get(stage.group)) for address, stage in GRAPH.stages.items()}
    for _maker, _user in sorted(GRAPH.edges):
        chain(_steps[_maker], _steps[_user])

    def some(*groups: str) -> list[Repro]:
        """Tasks of these stages."""
        return [_steps[address] for address in steps_of(*groups)]

    _prepare, _arrive, _summary = prepare(), arrive(), summary()
    chain(enough(), _prepare, _arrive, [_steps[address] for address in GRAPH.stages if not makers(address)])

    _admit = Admit(task_id="admit", needs=steps_of("index", "decode", "leakage", "coincidence"))
    chain(some("leakage", "coincidence"), _admit, some("train"))

    with TaskGroup("promote"):
        _choose = choose()
        _gates = [Promote(task_id=name, model=name, needs=[f"register@{name}"]) for name in models()]
    chain(some("register", "report"), _choose, _gates, _summary, conclude())
    chain(some("register", "report"), _summary)
