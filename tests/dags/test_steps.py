"""Tasks of stages: what a failed command means to Airflow, and hand-over of outs between hosts by DVC's remote."""

from pathlib import Path
from typing import Any

import pytest
import steps
import worktrees
from airflow.sdk.exceptions import AirflowException, AirflowFailException, AirflowSkipException
from calls import Said
from places import places
from steps import Repro, check, task_id

from tests.synth.runs import FORM, context_of, make_pipeline, shell

RUN = "scheduled__2026-01-02T03:00:00+00:00"


class Host:
    """A machine with a clone, a cache and a folder of runs of its own; all it shares with others is DVC's remote."""

    def __init__(self, workspace: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.workspace, self._patch, self.diary = workspace, monkeypatch, workspace.parent / f"{workspace.name}.diary"

    def enter(self) -> None:
        self._patch.setenv("PIXELS_WORKSPACE", str(self.workspace))
        self._patch.setenv("DIARY", str(self.diary))

    def prepare(self) -> dict[str, Any]:
        self.enter()
        facts = worktrees.prepare(places(), RUN, FORM)
        return {"prepare": facts}

    def run(self, address: str, answers: dict[str, Any], needs: list[str]) -> None:
        """Run a stage's task as Airflow does, and note its answer."""
        self.enter()
        task = Repro(task_id=task_id(address), address=address, needs=needs)
        answers[task_id(address)] = task.execute(context_of(RUN, answers))

    @property
    def made(self) -> list[str]:
        return self.diary.read_text().split() if self.diary.exists() else []


def clone(host: Host, target: Path, monkeypatch: pytest.MonkeyPatch) -> Host:
    shell(target.parent, f"git clone --quiet {host.workspace} {target}")
    return Host(target, monkeypatch)


@pytest.fixture
def host(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Host:
    return Host(make_pipeline(tmp_path / "one"), monkeypatch)


def test_a_failure_that_would_repeat_itself_is_final() -> None:
    check(Said(0, ()), "decode")
    with pytest.raises(AirflowFailException, match="decode ended with status 1:\nno videos"):
        check(Said(1, ("no videos",)), "decode")
    with pytest.raises(AirflowException, match="status 75") as passing:
        check(Said(255, ("MLflow does not answer", "failed to run: python -m stages x, exited with 75")), "register")
    assert not isinstance(passing.value, AirflowFailException)


def test_tasks_of_one_host_share_worktree_and_cache_and_pull_nothing(host: Host) -> None:
    answers = host.prepare()
    host.run("perform@first", answers, [])
    host.run("decode", answers, ["perform@first"])
    assert host.made == ["perform", "decode"]
    host.run("decode", answers, ["perform@first"])  # as a retry
    assert host.made == ["perform", "decode"]
    assert list(answers["decode"]) == ["decode"]
    assert answers["decode"]["decode"]["outs"][0]["path"] == "decoded"


def test_a_stage_that_this_runs_params_do_not_have_is_skipped(host: Host) -> None:
    with pytest.raises(AirflowSkipException, match="have no train@motions"):
        host.run("train@motions", host.prepare(), ["decode"])


def test_outs_reach_other_hosts_by_the_remote_and_nothing_is_made_twice(
    host: Host, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shell(host.workspace, "dvc remote add --quiet --default common ../remote && git commit --quiet --all --message r")
    other, third = clone(host, tmp_path / "two", monkeypatch), clone(host, tmp_path / "three", monkeypatch)
    answers = host.prepare()
    host.run("perform@first", answers, [])
    other.run("decode", answers, ["perform@first"])
    third.run("train@pixels", answers, ["decode"])
    assert (host.made, other.made, third.made) == (["perform"], ["decode"], ["train"])
    model = third.workspace / ".runs" / answers["prepare"]["name"] / "pixels.model"
    assert model.read_text() == "first\n"
    host.run("decode", answers, ["perform@first"])  # what another host made is fetched by the run-cache
    host.run("train@pixels", answers, ["decode"])
    assert host.made == ["perform"]
    lock = worktrees.lock_entries(host.workspace / ".runs" / answers["prepare"]["name"], ["decode", "train@pixels"])
    assert lock == {**answers["decode"], **answers["train.pixels"]}


def test_a_task_without_a_prepared_run_says_so(host: Host) -> None:
    with pytest.raises(AirflowFailException, match="prepare"):
        host.run("decode", {}, [])


def test_the_button_of_a_registration_leads_to_its_version(host: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    facts = host.prepare()["prepare"]
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://me:secret@mlflow.example:5000")
    operator, task = steps.Registration(task_id="x", address="register@pixels"), type("Task", (), {"run_id": RUN})
    assert steps.VersionLink().get_link(operator, ti_key=task) == ""
    receipt = host.workspace / ".runs" / facts["name"] / "reports/register/pixels.json"
    receipt.parent.mkdir(parents=True)
    receipt.write_text('{"version": "3"}', encoding="utf-8")
    link = steps.VersionLink().get_link(operator, ti_key=task)
    assert link == "http://mlflow.example:5000/#/models/pixels/versions/3"
