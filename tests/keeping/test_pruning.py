"""Pruning: old and used by nobody goes; everything else stays, whoever is at work."""

import fcntl
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from stages import layout
from stages.keeping.pruning import Pruned, prune
from stages.launch import store_in_use
from stages.shards.files import write_json
from stages.shards.store import Store
from tests.synth.stores import checkpoint, grow_old, work


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PIXELS_STORE", str(tmp_path / "store"))
    return tmp_path / "store"


def pruned(store: Path, *, keep_days: float = 30, dry_run: bool = False) -> list[Pruned]:
    return prune(store, keep_days=keep_days, now_s=time.time(), dry_run=dry_run)


def removed(found: list[Pruned]) -> set[Path]:
    return {entry.folder for room in found for entry in room.removed}


@contextmanager
def locked(path: Path) -> Iterator[None]:
    with path.open("a") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield


def test_only_what_is_old_and_used_by_no_workspace_goes(store: Path) -> None:
    old, used, young = (work(store, "decode", {"n": n}, age_days=age) for n, age in enumerate((31, 31, 29)))
    Store(store).note_use("decode", [used])
    (room,) = pruned(store)
    assert (room.room, room.busy) == ("decode", False)
    assert removed([room]) == {old}
    assert {entry.folder for entry in room.kept} == {used, young}
    assert (old.exists(), used.exists(), young.exists()) == (False, True, True)


def test_the_work_of_a_workspace_that_is_gone_is_not_in_use(store: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (store.parent / "other").mkdir()
    monkeypatch.chdir(store.parent / "other")
    Store(store).note_use("decode", [work(store, "decode", {}, age_days=31)])
    monkeypatch.chdir(store.parent)
    assert removed(pruned(store)) == set()
    (store.parent / "other").rmdir()
    grow_old(next((store / "uses").iterdir()), 31)
    assert len(removed(pruned(store))) == 1
    assert list((store / "uses").iterdir()) == []


def test_a_dry_run_says_the_same_and_removes_nothing(store: Path) -> None:
    folders = {work(store, "decode", {"n": n}, age_days=40) for n in range(3)} | {checkpoint(store, "k", age_days=40)}
    assert removed(pruned(store, dry_run=True)) == folders
    assert all(folder.exists() for folder in folders)
    assert removed(pruned(store)) == folders


def test_what_is_freed_leaves_out_what_an_out_still_links(store: Path) -> None:
    folder = work(store, "decode", {}, age_days=31)
    (store.parent / "out.bin").hardlink_to(folder / "a.bin")
    ((entry,),) = [room.removed for room in pruned(store)]
    assert entry.num_bytes - entry.own_bytes == 1000
    assert entry.own_bytes > 0


def test_a_room_in_which_a_stage_works_is_left_alone(store: Path) -> None:
    old, other = work(store, "decode", {}, age_days=31), work(store, "perform", {}, age_days=31)
    with store_in_use("decode"), store_in_use("decode"):
        found = pruned(store)
    assert removed(found) == {other}
    assert [room.busy for room in found] == [True, False]
    assert removed(pruned(store)) == {old}


def test_checkpoints_go_unless_a_model_was_made_of_them_or_a_training_holds_them(store: Path) -> None:
    finished, running, exported = (checkpoint(store, key, age_days=31) for key in ("finished", "running", "exported"))
    write_json(layout.model("pixels") / "model.json", {"key": "exported"})
    Store(store).note_use("decode", [])
    with locked(running / ".lock"), store_in_use("train"):
        found = pruned(store)
    assert {path.name for path in finished.iterdir()} == {".lock"}  # a process may wait for it
    assert removed(found) == {finished}
    assert (running / "step-000006").exists() and (exported / "step-000006").exists()
    assert removed(pruned(store)) == {running}


def test_work_in_nested_rooms_is_work_too(store: Path) -> None:
    old, young = work(store, "index/ab", {"n": 1}, age_days=31), work(store, "index/cd", {"n": 2})
    (room,) = pruned(store)
    assert (room.room, removed([room]), [entry.folder for entry in room.kept]) == ("index", {old}, [young])
    assert room.removed[0].name == f"index/ab/{old.name}"


def test_unsent_metrics_and_unknown_things_stay(store: Path) -> None:
    spool = store / "spool" / "abc"
    spool.mkdir(parents=True)
    (spool / "1-2.jsonl").write_text("{}", encoding="utf-8")
    (store / "decode" / "half.partial").mkdir(parents=True)
    (store / "decode" / "mine").mkdir()
    for path in [*store.rglob("*")]:
        grow_old(path, 1)
    assert removed(pruned(store, keep_days=0)) == set()
    assert (spool / "1-2.jsonl").exists() and (store / "decode" / "mine").exists()


def test_without_a_store_there_is_nothing_to_do(store: Path) -> None:
    assert pruned(store) == []
