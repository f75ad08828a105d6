"""A worktree for each run, in a real git and DVC workspace: what it begins with, what it shares, what is kept."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml
from places import Places, places
from worktrees import FormError, WorktreeError, ensure, has_remote, keep, last_good, name_of, prepare, remove

from tests.synth.runs import FORM, PARAMS, make_pipeline, shell
from tests.synth.world import make_workspace

RUN = "manual__2026-01-02T03:04:05+00:00"


def here(workspace: Path, **more: str) -> Places:
    import os

    return places({**os.environ, "PIXELS_WORKSPACE": str(workspace), **more})


@pytest.fixture
def workspace(tmp_path: Path) -> Path:
    return make_pipeline(tmp_path / "w")


def params_of(folder: Path) -> Mapping[str, Any]:
    return yaml.safe_load((folder / "params.yaml").read_text(encoding="utf-8"))


def test_names_of_runs_fit_a_path_and_differ() -> None:
    assert name_of(RUN).startswith("manual__2026-01-02T03-04-05-00-00-")
    assert name_of("a/b") != name_of("a b")
    assert "/" not in name_of("../../etc")


def test_a_run_begins_at_head_with_the_params_that_stand_in_the_workspace(workspace: Path) -> None:
    (workspace / "params.yaml").write_text(yaml.safe_dump(PARAMS | {"scale": 2}), encoding="utf-8")  # not committed
    (workspace / "dvc.yaml").write_text((workspace / "dvc.yaml").read_text() + "# not committed\n", encoding="utf-8")
    facts = prepare(here(workspace), RUN, FORM)
    folder = workspace / ".runs" / facts["name"]
    head = shell(workspace, "git rev-parse HEAD").strip()
    assert facts["commit"] == head == shell(folder, "git rev-parse HEAD").strip()
    assert params_of(folder) == yaml.safe_load(facts["params"]) == PARAMS | {"scale": 2}
    assert "not committed" not in (folder / "dvc.yaml").read_text()
    assert facts["uncommitted"] == [" M dvc.yaml"]
    assert shell(folder, "dvc cache dir").strip() == shell(workspace, "dvc cache dir").strip()
    assert not has_remote(here(workspace), folder)


def test_prepared_again_a_run_stays_what_it_was(workspace: Path) -> None:
    facts = prepare(here(workspace), RUN, FORM)
    folder = workspace / ".runs" / facts["name"]
    shell(workspace, "git commit --quiet --allow-empty --message later")
    (workspace / "params.yaml").write_text(yaml.safe_dump(PARAMS | {"scale": 9}), encoding="utf-8")
    assert prepare(here(workspace), RUN, FORM) == facts
    assert params_of(folder) == PARAMS
    assert prepare(here(workspace), "another", FORM)["commit"] != facts["commit"]


def test_a_worktree_that_was_left_half_made_is_made_anew(workspace: Path) -> None:
    facts = prepare(here(workspace), RUN, FORM)
    folder = workspace / ".runs" / facts["name"]
    (folder / ".locks/run.json").unlink()  # which is written last
    (folder / "dvc.yaml").unlink()
    assert prepare(here(workspace), RUN, FORM) == facts
    assert (folder / "dvc.yaml").exists()
    shell(workspace, f"rm -rf {folder}")  # by hand, without git
    assert prepare(here(workspace), RUN, FORM) == facts


def test_results_pass_from_the_workspace_to_a_run_and_back(workspace: Path) -> None:
    shell(workspace, "dvc repro --quiet")
    facts = prepare(here(workspace), RUN, FORM)
    folder = workspace / ".runs" / facts["name"]
    assert "Running stage" not in shell(folder, "dvc repro")
    (folder / "params.yaml").write_text(yaml.safe_dump(PARAMS | {"scale": 7}), encoding="utf-8")
    shell(folder, "dvc repro --quiet")
    record = keep(here(workspace), facts, "it went well")
    remove(here(workspace), facts["name"])
    assert not folder.exists()
    assert facts["name"] not in shell(workspace, "git worktree list")
    assert last_good(here(workspace)) == record == workspace / ".runs/records" / facts["name"]
    assert (record / "summary.md").read_text() == "it went well"
    assert json.loads((record / "run.json").read_text())["commit"] == facts["commit"]
    shell(workspace, "cp .runs/good/params.yaml .runs/good/dvc.lock . && dvc checkout --quiet")
    assert json.loads(shell(workspace, "dvc status --json")) == {}


def test_nothing_is_made_twice_though_every_run_begins_in_an_empty_worktree(workspace: Path) -> None:
    """DVC writes a .gitignore beside outs that it makes, which must not be data of a folder that is a dependency."""
    first = prepare(here(workspace), "one", FORM)
    assert shell(workspace / ".runs" / first["name"], "dvc repro").count("Running stage") == 3
    keep(here(workspace), first, "")
    assert not (workspace / "dvc.lock").exists()
    second = workspace / ".runs" / prepare(here(workspace), "two", FORM)["name"]
    assert (second / "dvc.lock").read_bytes() == (workspace / ".runs/good/dvc.lock").read_bytes()
    said = "".join(shell(second, f"dvc repro --single-item {name}") for name in ("perform@first", "decode"))
    assert "Running stage" not in said
    shell(workspace, "cp .runs/good/dvc.lock . && dvc checkout --quiet")
    assert json.loads(shell(workspace, "dvc status --json")) == {}


def test_a_worktree_that_is_not_there_is_made_from_the_facts_alone(workspace: Path, tmp_path: Path) -> None:
    facts = prepare(here(workspace), RUN, FORM)
    shell(tmp_path, f"git clone --quiet {workspace} other")
    folder = ensure(here(tmp_path / "other"), facts)
    assert folder == tmp_path / "other/.runs" / facts["name"]
    assert params_of(folder) == PARAMS
    assert shell(folder, "git rev-parse HEAD").strip() == facts["commit"]
    with pytest.raises(WorktreeError, match="git"):
        ensure(here(tmp_path / "other"), {**facts, "name": "new", "commit": "0" * 40})


def test_remotes_that_are_written_relative_to_the_workspace_stay_the_same(workspace: Path) -> None:
    shell(workspace, "dvc remote add --quiet --default common ../common && dvc remote add --local mine /srv/mine")
    shell(workspace, "git commit --quiet --all --message remote")
    folder = workspace / ".runs" / prepare(here(workspace), RUN, FORM)["name"]
    assert shell(folder, "dvc remote list").split() == shell(workspace, "dvc remote list").split()
    assert has_remote(here(workspace), folder)


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The project's own code and params, tiny."""
    return make_workspace(tmp_path_factory.mktemp("whole"))


@pytest.mark.parametrize(
    ("form", "complaint"),
    [
        ({"overrides": ["train.seeds=10"]}, "train.seeds"),
        ({"overrides": ["train.num_kinds=1,2"]}, "several values"),
        ({"overrides": ["train.num_kinds=0"]}, "greater than or equal to 1"),
        ({"models": ["nobody"]}, "no model nobody; these params have: pixels"),
        ({"preset": "nowhere"}, "no preset 'nowhere'"),
    ],
)
def test_a_form_that_cannot_be_run_is_refused_before_anything_starts(
    whole: Path, form: dict[str, Any], complaint: str
) -> None:
    with pytest.raises(FormError, match=complaint):
        prepare(here(whole), f"wrong {form}", FORM | form)


def test_a_form_changes_the_params_of_its_run_alone(whole: Path) -> None:
    before = (whole / "params.yaml").read_bytes()
    form = {"models": ["pixels"], "overrides": ["train.num_kinds=7", "mixes.test.same2=1"]}
    params = yaml.safe_load(prepare(here(whole), "right", FORM | form)["params"])
    assert (params["train"]["num_kinds"], params["mixes"]["test"]["same2"]) == (7, 1)
    assert (whole / "params.yaml").read_bytes() == before
