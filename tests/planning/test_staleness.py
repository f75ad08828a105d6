"""Why a stage would run: its own changes, or a stale stage before it."""

import shutil
import subprocess
from pathlib import Path

import pytest

from stages.planning.staleness import explain, states

UPSTREAM = {"train": ["decode"], "decode": ["index"], "index": [], "report": ["train"]}


def reasons(status: dict[str, list[dict[str, dict[str, object]] | str]], known: set[str]) -> dict[str, tuple[str, ...]]:
    return {state.name: state.reasons for state in explain(UPSTREAM, status, known)}  # type: ignore[arg-type]


def test_stages_come_in_the_order_of_the_run() -> None:
    assert list(reasons({}, set(UPSTREAM))) == ["index", "decode", "train", "report"]


def test_nothing_changed_nothing_stale() -> None:
    assert set(reasons({}, set(UPSTREAM)).values()) == {()}


def test_a_change_makes_all_that_follows_stale() -> None:
    changes = {"decode": [{"changed deps": {"params.yaml": {"decode.jpeg_quality": "modified"}}}]}
    assert reasons(changes, set(UPSTREAM)) == {
        "index": (),
        "decode": ("params decode.jpeg_quality",),
        "train": ("after decode",),
        "report": ("after train",),
    }


def test_every_kind_of_change_has_its_words() -> None:
    changes = {
        "train": [
            {"changed deps": {"stages/networks": "modified", "data/decode": "deleted"}},
            {"changed outs": {"models/pixels": "deleted"}},
            "changed command",
        ]
    }
    assert reasons(changes, set(UPSTREAM))["train"] == (
        "code stages/networks modified",
        "input data/decode is missing",
        "output models/pixels is missing",
        "changed command",
    )


def test_what_never_ran_says_just_that() -> None:
    changes = {"index": [{"changed deps": {"stages/index.py": "modified"}}]}
    assert reasons(changes, {"decode", "train", "report"})["index"] == ("never run",)


PIPELINE = """
stages:
  first:
    cmd: cp params.yaml one
    params: [alpha]
    outs: [one]
  second:
    cmd: cp one two
    deps: [one]
    outs: [two]
"""


def test_a_real_workspace_before_after_and_changed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "dvc.yaml").write_text(PIPELINE)
    (tmp_path / "params.yaml").write_text("alpha: 1\n")
    dvc(tmp_path, "init", "--no-scm", "--quiet")
    assert seen() == [("first", ("never run",)), ("second", ("never run", "after first"))]
    dvc(tmp_path, "repro", "--quiet")
    assert seen() == [("first", ()), ("second", ())]
    (tmp_path / "params.yaml").write_text("alpha: 2\n")
    assert seen() == [("first", ("params alpha",)), ("second", ("after first",))]
    dvc(tmp_path, "repro", "--quiet")
    (tmp_path / "two").unlink()
    assert seen() == [("first", ()), ("second", ("output two is missing",))]


def seen() -> list[tuple[str, tuple[str, ...]]]:
    return [(state.name, state.reasons) for state in states()]


def dvc(root: Path, *arguments: str) -> None:
    program = shutil.which("dvc")
    assert program
    subprocess.run([program, *arguments], cwd=root, check=True)
