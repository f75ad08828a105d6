"""Worktrees of runs: old and idle ones go, those that somebody holds or that changed of late stay."""

import fcntl
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from stages.keeping.clearing import clear, holders
from tests.keeping.conftest import Repository

DAY_S = 24 * 3600


@pytest.fixture
def root(repository: Repository) -> Path:
    """Three old worktrees of runs, each with a record beside it and a changed dvc.lock."""
    (repository.folder / "dvc.lock").write_text("one", encoding="utf-8")
    repository.write("x", commit="one")
    root = repository.folder / ".runs"
    for name in ("a.1", "b", "c"):
        repository.call("git", "worktree", "add", "--quiet", str(root / name), "-b", f"run-{name}")
        (root / name / "dvc.lock").write_text("changed", encoding="utf-8")
        (root / f"{name}.json").write_text("{}", encoding="utf-8")
        age(root / name, days=20)
        age(root / f"{name}.json", days=20)
    return root


def age(path: Path, *, days: float) -> None:
    then_s = time.time() - days * DAY_S
    for place in (*path.rglob("*"), path):
        os.utime(place, (then_s, then_s), follow_symlinks=False)


def cleared(root: Path, *, dry_run: bool = False, keep_days: float = 14) -> dict[str, str]:
    found = clear(root, keep_days=keep_days, now_s=time.time(), dry_run=dry_run)
    return {tree.path.name: tree.kept_because for tree in found}


def test_old_ones_go_with_their_changes_but_branches_and_records_stay(repository: Repository, root: Path) -> None:
    (root / "no-worktree").mkdir()
    assert cleared(root, dry_run=True) == {"a.1": "", "b": "", "c": ""}
    assert (root / "a.1").is_dir()
    assert cleared(root) == {"a.1": "", "b": "", "c": ""}
    assert sorted(path.name for path in root.iterdir()) == [".locks", "a.1.json", "b.json", "c.json", "no-worktree"]
    assert repository.call("git", "branch", "--list", "run-*").split() == ["run-a.1", "run-b", "run-c"]
    assert repository.folder.joinpath("out.dvc").exists()  # the main worktree is none of a run
    assert cleared(root) == {}


def test_what_is_held_or_young_stays(repository: Repository, root: Path) -> None:
    repository.call("git", "worktree", "lock", str(root / "c"))
    inside = root / "b" / "out"
    inside.mkdir(exist_ok=True)
    age(root / "b", days=20)
    worker = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE, cwd=inside)
    os.utime(root / "a.1.json")  # its record was written just now
    try:
        assert holders(root / "b") == [worker.pid]
        kept = cleared(root)
    finally:
        worker.communicate(b"\n")
    assert kept == {"a.1": "changed of late", "b": f"process {worker.pid} works in it", "c": "git worktree lock"}
    assert all((root / name).is_dir() for name in ("a.1", "b", "c"))
    assert cleared(root)["b"] == ""
    assert not (root / "b").exists()


def test_a_stage_that_holds_its_lock_keeps_the_worktree(root: Path) -> None:
    lock = root / "a.1" / ".locks" / "train@pixels.lock"
    lock.parent.mkdir()
    with lock.open("w", encoding="utf-8") as handle:
        fcntl.flock(handle, fcntl.LOCK_SH)
        age(root / "a.1", days=20)
        assert cleared(root)["a.1"] == "the stage train@pixels runs in it"
    assert (root / "a.1").is_dir()


def test_a_run_that_is_just_making_its_worktree_keeps_it(root: Path) -> None:
    (root / ".locks").mkdir()
    with (root / ".locks" / "b.lock").open("w", encoding="utf-8") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        assert cleared(root) == {"a.1": "", "b": "a run makes or changes it", "c": ""}
    assert (root / "b").is_dir() and not (root / "c").exists()
