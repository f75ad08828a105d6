"""Tasks around the stages: when a run goes on, what it takes in, whom it lets the gate judge, how it ends."""

import os
import time
from pathlib import Path
from typing import Any

import pytest
import worktrees
import yaml
from airflow.sdk.exceptions import AirflowFailException
from errands import arrival_name, arrive, conclude, enough, prepare, promotable
from places import Places, places

from tests.synth.runs import MOMENT, PARAMS, context_of, make_pipeline, shell

RUN = "manual__1"


@pytest.fixture
def here(tmp_path: Path) -> Places:
    return places({**os.environ, "PIXELS_WORKSPACE": str(make_pipeline(tmp_path / "w"))})


def put(here: Places, *names: str) -> None:
    for name in names:
        path = here.inbox / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(name, encoding="utf-8")
    time.sleep(0.05)


def test_a_run_goes_on_when_as_many_videos_wait_as_it_wants(here: Places) -> None:
    put(here, "a.mp4", "b.mp4")
    wanted = [enough(here, context_of(RUN, {}, min_new_videos=number), quiet_s=0.01) for number in (0, 2, 3)]
    assert wanted == [True, True, False]
    assert not enough(here, context_of(RUN, {}, min_new_videos=1), quiet_s=3600)  # none has settled


def test_arrivals_become_a_folder_of_the_run_that_its_stages_see(here: Places) -> None:
    (here.workspace / "data/videos/mine").mkdir(parents=True)
    (here.workspace / "data/videos/mine/old.mp4").write_text("old\n", encoding="utf-8")
    facts = prepare(here, context_of(RUN, {}))
    put(here, "violin/a.mp4", "notes.txt")
    context = context_of(RUN, {"prepare": facts})
    name = arrival_name(RUN, MOMENT)
    assert name.startswith("inbox-20260102-")
    expected = {"arrival": name, "videos": ["violin/a.mp4"]}
    assert arrive(here, context, quiet_s=0.01) == expected
    assert arrive(here, context, quiet_s=0.01) == expected  # again, as a retry does
    folder = here.runs / facts["name"]
    seen = {str(path.relative_to(folder)) for path in folder.glob("data/videos/**/*.mp4")}
    assert seen == {"data/videos/mine/old.mp4", f"data/videos/{name}/violin/a.mp4"}
    assert (here.workspace / "data/videos" / name / "violin/a.mp4").exists()
    assert sorted(path.name for path in here.inbox.iterdir()) == ["notes.txt"]


def test_what_stages_render_is_not_taken_for_a_persons_videos(here: Places) -> None:
    shell(here.workspace, "dvc repro --quiet perform@first")
    context = context_of(RUN, {"prepare": prepare(here, context_of(RUN, {}))})
    assert arrive(here, context, quiet_s=0.01) == {"arrival": None, "videos": []}
    assert not (here.runs / worktrees.name_of(RUN) / "data/videos/first").exists()


def test_an_absolute_root_of_videos_is_used_as_it_is(here: Places, tmp_path: Path) -> None:
    params: dict[str, Any] = PARAMS | {"index": {"videos": str(tmp_path / "films"), "builtin": []}}
    (here.workspace / "params.yaml").write_text(yaml.safe_dump(params), encoding="utf-8")
    facts = prepare(here, context_of(RUN, {}))
    put(here, "a.mp4")
    arrived = arrive(here, context_of(RUN, {"prepare": facts}), quiet_s=0.01)
    assert (tmp_path / "films" / arrived["arrival"] / "a.mp4").read_text() == "a.mp4"
    assert not (here.runs / facts["name"] / "data").exists()


def test_the_gate_is_asked_for_the_models_of_the_run_if_that_is_wanted() -> None:
    facts = {"params": yaml.safe_dump({"models": {"pixels": {}, "motions": {}}})}
    assert promotable(context_of(RUN, {"prepare": facts})) == ["promote.motions", "promote.pixels"]
    assert promotable(context_of(RUN, {"prepare": facts}, promote=False)) == []


def test_a_form_that_cannot_be_run_fails_at_once(here: Places) -> None:
    with pytest.raises(AirflowFailException):
        prepare(here, context_of(RUN, {}, overrides=["nothing.like=this"]))


def test_a_finished_run_leaves_its_record_and_no_worktree(here: Places) -> None:
    facts = prepare(here, context_of(RUN, {}))
    folder = here.runs / facts["name"]
    shell(folder, "dvc repro --quiet perform@first")
    made = {"perform.first": worktrees.lock_entries(folder, ["perform@first"])}
    other = {"decode": {"decode": {"cmd": "made on another host"}}}
    context = context_of(RUN, {"prepare": facts, "summary": "went well", **made, **other})
    record = Path(conclude(here, context))
    assert not folder.exists()
    stages = yaml.safe_load((record / "dvc.lock").read_text(encoding="utf-8"))["stages"]
    assert stages == {**made["perform.first"], **other["decode"]}
    assert worktrees.last_good(here) == record
    assert conclude(here, context) == str(record)  # again, as after a kill
    assert not folder.exists()
