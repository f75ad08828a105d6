"""Tasks that run one command in the worktree of their run, and what a failed command means to Airflow."""

import json
import logging
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import worktrees
from airflow.sdk import BaseOperator, BaseOperatorLink
from airflow.sdk.exceptions import AirflowException, AirflowFailException, AirflowSkipException
from calls import REFUSED, Call, Said
from graph import read_graph
from places import places
from telling import version_page

PREPARED = "prepare"  # the task whose answer names the run's worktree

_LOG = logging.getLogger(__name__)
_INCONCLUSIVE = 4
_OUTCOMES = {0: "promoted", REFUSED: "rejected", _INCONCLUSIVE: "inconclusive"}


def task_id(address: str) -> str:
    """Airflow's name of a stage: `train@pixels` is `train.pixels`."""
    return address.replace("@", ".")


def check(said: Said, what: str) -> None:
    """Fail the task if a command failed: for good where another try would end the same."""
    if said.status == 0:
        return
    kind = AirflowFailException if said.is_final else AirflowException
    raise kind("\n".join([f"{what} ended with status {said.stage_status}:", *said.lines]))


def bring(context: Mapping[str, Any], folder: Path, call: Call, needs: Sequence[str]) -> bool:
    """Pull outs of stages that may have been made on other hosts, where DVC has a remote; whether it has one."""
    if not worktrees.has_remote(places(), folder):
        return False
    there = [address for address in needs if address in read_graph(folder).stages]
    worktrees.take_entries(folder, entries(context, there))
    if there:
        check(call.run(["dvc", "--wait-for-lock", "pull", "--run-cache", *there]), "dvc pull")
    return True


def entries(context: Mapping[str, Any], addresses: Sequence[str]) -> dict[str, Any]:
    """What the tasks of stages in this run answered: their entries of dvc.lock."""
    made = context["ti"].xcom_pull(task_ids=[task_id(address) for address in addresses]) if addresses else []
    return {address: entry for one in made if one for address, entry in one.items()}


class Step(BaseOperator):
    """A command in a run's worktree; `needs` names stages whose outs it reads, brought here if others made them."""

    def __init__(self, *, needs: Sequence[str] = (), **settings: Any) -> None:
        super().__init__(**settings)
        self.needs = tuple(needs)
        self.calls: Call | None = None

    def enter(self, context: Mapping[str, Any]) -> tuple[Path, Call]:
        """The worktree, and what calls commands in it."""
        here, facts = places(), facts_of(context)
        folder = worktrees.ensure(here, facts)
        self.calls = Call(folder, here.environment(), _LOG.info)
        return folder, self.calls

    def on_kill(self) -> None:
        """Airflow ends the task: so does its command."""
        if self.calls is not None:
            self.calls.stop()


class Repro(Step):
    """One stage of dvc.yaml; what is up to date, or was made by anybody before, is not made again."""

    def __init__(self, *, address: str, **settings: Any) -> None:
        super().__init__(**settings)
        self.address = address

    def execute(self, context: Any) -> dict[str, Any]:
        """Make the stage's outs; answers with what dvc.lock then says of it, for tasks on other hosts."""
        folder, call = self.enter(context)
        if self.address not in read_graph(folder).stages:
            raise AirflowSkipException(f"the params of this run have no {self.address}")
        has_remote = bring(context, folder, call, self.needs)
        if has_remote and not self.needs:  # `pull` without a target would bring everything
            check(call.run(["dvc", "--wait-for-lock", "fetch", "--run-cache", self.address]), "dvc fetch")
        pull = ["--pull"] if has_remote else []
        said = call.run(["dvc", "--wait-for-lock", "repro", *pull, "--single-item", self.address])
        check(said, self.address)
        if has_remote:
            check(call.run(["dvc", "--wait-for-lock", "push", "--run-cache", self.address]), "dvc push")
        return worktrees.lock_entries(folder, [self.address])


class VersionLink(BaseOperatorLink):
    """A button beside the task that leads to the registered version in MLflow's page."""

    @property
    def name(self) -> str:
        """What stands on the button."""
        return "MLflow version"

    def get_link(self, operator: Any, *, ti_key: Any) -> str:
        """Address of the version that this run registered; empty where it registered none."""
        here = places()
        model = operator.address.partition("@")[2]
        receipt = here.runs / worktrees.name_of(ti_key.run_id) / "reports" / "register" / f"{model}.json"
        if not receipt.exists():
            return ""
        version = json.loads(receipt.read_text(encoding="utf-8"))["version"]
        return version_page(here.tracking_uri(), model, version)


class Registration(Repro):
    """The stage `register` of a model."""

    operator_extra_links = (VersionLink(),)


class Admit(Step):
    """Checks of the data before training; what they refuse fails the run at once."""

    def execute(self, context: Any) -> dict[str, Any]:
        """Check the videos at hand against those of the last good run; answers with the checks."""
        folder, call = self.enter(context)
        bring(context, folder, call, self.needs)
        good = worktrees.last_good(places())
        known = good / "admission" if good else None
        against = ["--against", str(known)] if known and known.is_dir() else []
        check(call.run(["python", "-m", "stages", "admit", *against]), "admit")
        return json.loads((folder / "reports/admission/admission.json").read_text(encoding="utf-8"))


class Promote(Step):
    """Lets the gate decide whether this run's version of a model becomes champion; that it does not is no failure."""

    def __init__(self, *, model: str, **settings: Any) -> None:
        super().__init__(**settings)
        self.model = model

    def execute(self, context: Any) -> dict[str, Any]:
        """Ask the gate; answers with `outcome`: promoted, rejected or inconclusive, and what the gate said."""
        folder, call = self.enter(context)
        bring(context, folder, call, self.needs)
        receipt = json.loads((folder / f"reports/register/{self.model}.json").read_text(encoding="utf-8"))
        version = ["--version", receipt["version"]]
        said = call.ask(["python", "-m", "stages", "promote", self.model, *version, "--json"])
        if said.status not in _OUTCOMES:
            check(Said(said.status, (*said.lines, said.answer.strip()), said.crashed), "promote")
        verdict = json.loads(said.answer)
        outcome = _OUTCOMES[said.status]
        _LOG.info("%s is %s: %s", verdict["version"], outcome, "; ".join(verdict["reasons"]))
        return {**verdict, "outcome": outcome}


def facts_of(context: Mapping[str, Any]) -> worktrees.Facts:
    """What `prepare` answered in this run."""
    facts = context["ti"].xcom_pull(task_ids=PREPARED)
    if facts is None:
        raise AirflowFailException(f"this run has no worktree: its task `{PREPARED}` comes first")
    return facts
