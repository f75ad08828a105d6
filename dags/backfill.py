"""Every registered version scored on the workspace's present mixes, so that old and new stand on equal ground.

A task for each version. One that has its scores there already is skipped; one that can't be scored (of an older schema,
with damaged or missing files, of clips with other rates) fails alone, and the table at the end says so.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from airflow.sdk import DAG, Param
from airflow.sdk.exceptions import AirflowSkipException
from commands import Stages
from notes import write_note

_SIDE_BY_SIDE = 2
_A_MODEL, _A_VERSION = "[a-z][a-z0-9_]*", "[a-z][a-z0-9_]*(@[a-z][a-z0-9_]*|/[0-9]+)"

FORM: Any = {
    "models": Param(
        [],
        type="array",
        items={"type": "string", "pattern": f"^{_A_MODEL}$"},
        title="Models",
        description="All versions of these; with no model and no version: all of every model.",
    ),
    "versions": Param(
        [],
        type="array",
        items={"type": "string", "pattern": f"^{_A_VERSION}$"},
        title="Versions",
        description="Single ones besides: pixels/3, pixels@champion.",
    ),
    "only_missing": Param(
        True,
        type="boolean",
        title="Only what is missing",
        description="Off: also those that have scores on these mixes, as after a change of how scores are taken.",
    ),
}


def names(params: Mapping[str, Any]) -> list[str]:
    """Models and versions that the form names; none: all."""
    return [*params["models"], *params["versions"]]


class Rescore(Stages):
    """One version; `version` is a row of `standings --json`."""

    def __init__(self, *, version: Mapping[str, Any], **options: Any) -> None:
        super().__init__(words=self._words, **options)
        self.version = version

    def execute(self, context: Any) -> Any:
        """What the command said."""
        address: str = self.version["address"]
        context["address"] = address
        if self.version["scores"] and context["params"]["only_missing"]:
            raise AirflowSkipException(f"{address}: has scores on these mixes already")
        return self.say(self._words(context["params"])).strip()

    def _words(self, params: Mapping[str, Any]) -> list[str]:
        return ["rescore", self.version["address"], *([] if params["only_missing"] else ["--again"])]


class Table(Stages):
    """All versions side by side; the run's note says which have their scores, and what the others lack."""

    def execute(self, context: Any) -> Any:
        """The JSON of `standings`."""
        found = super().execute(context)
        text = "\n".join(map(tell, found["versions"]))
        self.log.info("%s", text)
        write_note(self.dag_id, context["run_id"], text)
        return found


def tell(version: Mapping[str, Any]) -> str:
    """A version in a line: `pixels/3: champion, scored on these mixes`."""
    return f"{version['address']}: {', '.join([*version['aliases'], version['lacking'] or 'scored on these mixes'])}"


with DAG(
    "backfill",
    description="Score registered versions on the present mixes",
    doc_md=__doc__,
    schedule=None,
    start_date=datetime(2025, 1, 1),
    catchup=False,
    max_active_runs=1,
    params=FORM,
    default_args={"retries": 2, "retry_delay": timedelta(minutes=1), "execution_timeout": timedelta(minutes=30)},
) as dag:
    listed = Stages(
        task_id="list",
        words=lambda params: ["standings", "--json", *names(params)],
        pick="versions",
    )
    rescored = Rescore.partial(
        task_id="rescore",
        map_index_template="{{ address }}",
        max_active_tis_per_dagrun=_SIDE_BY_SIDE,
        execution_timeout=timedelta(hours=6),
    ).expand(version=listed.output)
    table = Table(
        task_id="table",
        words=lambda params: ["standings", "--json", "--html", *names(params)],
        trigger_rule="all_done",
    )
    rescored.set_downstream(table)
