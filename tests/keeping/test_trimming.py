"""DVC's cache loses what nobody needs, by DVC's own gc; each of those who need something keeps it."""

import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import yaml

from stages.keeping.projects import ProjectError
from stages.keeping.trimming import AtWorkError, neighbours, trim
from stages.shards.store import Store
from tests.keeping.conftest import Repository

TOMORROW = datetime.now(UTC).date() + timedelta(days=2)  # no commit is recent


def lock_of(repository: Repository) -> bytes:
    """A dvc.lock whose stage made the present out; beside it one that this cache never had."""
    (out,) = yaml.safe_load((repository.folder / "out.dvc").read_text(encoding="utf-8"))["outs"]
    elsewhere = {"path": "gone", "hash": "md5", "md5": f"{'ab' * 16}.dir", "size": 3, "nfiles": 1}
    stage = {"cmd": "true", "outs": [out, elsewhere, {"path": "metrics.json"}]}
    return yaml.safe_dump({"schema": "2.0", "stages": {"make@a": stage}}).encode()


def test_what_nobody_needs_goes_and_what_somebody_needs_stays(repository: Repository, tmp_path: Path) -> None:
    tagged = repository.write("tagged", commit="one")
    repository.call("git", "tag", "v1")
    old = repository.write("old, on no branch's tip", commit="two")
    registered = repository.write("registered", commit="three")
    lock = lock_of(repository)
    never = repository.write("never committed")
    other = tmp_path / "run"
    repository.call("git", "worktree", "add", "--quiet", str(other), "--detach")
    elsewhere = Repository(other)
    elsewhere.call("dvc", "config", "--local", "cache.dir", str(repository.folder / ".dvc/cache"))
    elsewhere.write("of a run's worktree")
    present = repository.write("present", commit="four")
    in_a_run = repository.cached("of a run's worktree")

    store = tmp_path / "store"
    planned = trim(store, {"pixels/1": lock}, since=TOMORROW, dry_run=True)
    assert planned.kept_for == (str(other), "pixels/1")
    assert all(path.exists() for path in (tagged, old, registered, never, in_a_run, present))
    done = trim(store, {"pixels/1": lock}, since=TOMORROW, dry_run=False)
    assert (done.num_objects, done.freed_bytes) == (planned.num_objects, planned.freed_bytes)
    assert done.num_objects == 4  # two files and their folders' listings
    assert done.freed_bytes > len("old, on no branch's tip") + len("never committed")
    assert [path.exists() for path in (tagged, registered, in_a_run, present)] == [True] * 4
    assert [path.exists() for path in (old, never)] == [False] * 2

    trim(store, {}, since=TOMORROW, dry_run=False)
    assert not registered.exists()  # it was the version that kept it
    assert present.exists()


def test_nothing_goes_while_another_workspace_is_at_work(repository: Repository, tmp_path: Path) -> None:
    doomed = repository.write("never committed")
    repository.write("x", commit="one")
    other = tmp_path / "run"
    repository.call("git", "worktree", "add", "--quiet", str(other), "--detach")
    worker = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE, cwd=other)
    try:
        with pytest.raises(AtWorkError, match=f"process {worker.pid} is at work there"):
            trim(tmp_path / "store", {}, since=TOMORROW, dry_run=False)
        assert doomed.exists()
    finally:
        worker.communicate(b"\n")
    trim(tmp_path / "store", {}, since=TOMORROW, dry_run=False)
    assert not doomed.exists()


def test_recent_commits_keep_their_outs(repository: Repository, tmp_path: Path) -> None:
    old = repository.write("old", commit="one")
    repository.write("new", commit="two")
    today = datetime.now(UTC).date()
    assert trim(tmp_path / "store", {}, since=today - timedelta(days=1), dry_run=False).num_objects == 0
    assert old.exists()
    assert trim(tmp_path / "store", {}, since=TOMORROW, dry_run=False).num_objects == 2
    assert not old.exists()


def test_workspaces_that_share_the_store_are_asked_as_well(
    repository: Repository, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clone, plain = tmp_path / "clone", tmp_path / "plain"
    (clone / ".dvc").mkdir(parents=True)
    plain.mkdir()
    store = Store(tmp_path / "store")
    for workspace in (clone, plain, repository.folder):
        monkeypatch.chdir(workspace)
        store.note_use("decode", [])
    repository.write("x", commit="one")
    assert neighbours(store.root) == [clone]


def test_what_dvc_says_against_it_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ProjectError, match="`dvc cache dir` ended with status"):
        trim(tmp_path / "store", {}, since=TOMORROW, dry_run=True)
