"""What the store holds of a video is found by its id, wherever it stands, and removed unless a stage holds it."""

import fcntl
from pathlib import Path

import pytest

from stages import layout
from stages.keeping.traces import BusyError, Known, entries_about, known_files, other_workspaces, remove_all
from stages.launch import store_in_use
from stages.shards.schema import ClipRow, Reject
from stages.shards.store import Store
from stages.shards.tables import write_rows
from tests.synth.shards import clip_row
from tests.synth.stores import checkpoint, work

ID, OTHER = "0123456789abcdef", "fedcba9876543210"


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PIXELS_STORE", str(tmp_path / "store"))
    return tmp_path / "store"


def shard(store: Path, *video_ids: str) -> Path:
    key: dict[str, object] = {"videos": [[v, []] for v in video_ids], "paths": [f"first/{v}.mp4" for v in video_ids]}
    return work(store, "decode", key)


def test_shards_findings_renderings_and_checkpoints_of_a_video_are_found(store: Path) -> None:
    shards = [shard(store, OTHER, ID), shard(store, OTHER)]
    findings = [work(store, "index/01", {"video_id": ID}), work(store, "index/fe", {"video_id": OTHER})]
    rendering = work(store, "perform", {"take": 1})
    sums = rendering / "sums.json"
    sums.write_text(sums.read_text().replace('"a.bin": "', f'"a.bin": "{ID}'), encoding="utf-8")
    trainings = [checkpoint(store, "a", content={"train": [ID]}), checkpoint(store, "b", content={"train": [OTHER]})]
    expected = {shards[0], findings[0], rendering, trainings[0]}
    found = entries_about(store, ID)
    assert {entry.folder for entry in found} == expected
    remove_all(found)
    assert entries_about(store, ID) == []
    assert all(folder.exists() for folder in (shards[1], findings[1], trainings[1]))


def test_nothing_that_a_running_stage_holds_is_removed(store: Path) -> None:
    folder = shard(store, ID)
    with store_in_use("decode"), pytest.raises(BusyError, match="a running stage `decode` holds it"):
        remove_all(entries_about(store, ID))
    training = checkpoint(store, "a", content={"train": [ID]})
    with (training / ".lock").open("a") as handle, pytest.raises(BusyError, match="`train`"):
        fcntl.flock(handle, fcntl.LOCK_EX)
        remove_all([entry for entry in entries_about(store, ID) if entry.room == "train"])
    assert folder.exists() and (training / "step-000006").exists()


def test_files_are_known_from_the_index_its_duplicates_and_old_shards(store: Path) -> None:
    assert known_files(store) == set()
    write_rows(layout.CLIPS, [clip_row(0, ID)], ClipRow)
    twin = Reject("second/again.mp4", "index", "duplicate", f"same bytes as first/{ID}.mp4")
    write_rows(layout.INDEX_REJECTS, [twin, Reject("a.mp4", "index", "no_audio", "no sound track")], Reject)
    shard(store, OTHER)
    files = {(ID, f"first/{ID}.mp4"), (ID, "second/again.mp4"), (OTHER, f"first/{OTHER}.mp4")}
    assert known_files(store) == {Known(*known) for known in files}


def test_workspaces_with_such_work_are_named(store: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = shard(store, ID)
    Store(store).note_use("decode", [folder])
    other = store.parent / "other"
    other.mkdir()
    monkeypatch.chdir(other)
    Store(store).note_use("decode", [folder])
    monkeypatch.chdir(store.parent)
    assert other_workspaces(store, entries_about(store, ID)) == [other]
    assert other_workspaces(store, entries_about(store, OTHER)) == []
