import os
import shutil
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from stages.shards.files import read_json, sha256
from stages.shards.store import Store, is_whole, link_tree, source_digest


class Maker:
    """Writes two files and counts how often it was asked to."""

    def __init__(self) -> None:
        self.calls = 0

    def __call__(self, folder: Path) -> None:
        self.calls += 1
        (folder / "deep").mkdir()
        (folder / "deep" / "a.bin").write_bytes(b"a" * 100)
        (folder / "b.bin").write_bytes(b"b")


def flip(folder: Path) -> None:
    (folder / "deep" / "a.bin").write_bytes(b"a" * 99 + b"b")


def remove(folder: Path) -> None:
    (folder / "b.bin").unlink()


def add(folder: Path) -> None:
    (folder / "c.bin").touch()


def forget(folder: Path) -> None:
    (folder / "sums.json").unlink()


def scramble(folder: Path) -> None:
    (folder / "sums.json").write_text("[1, 2", encoding="utf-8")


def test_work_is_done_once_for_a_key_whatever_the_order_of_its_parts(tmp_path: Path) -> None:
    store, make = Store(tmp_path), Maker()
    first = store.fetch_or_make("decode", {"a": 1, "b": [2, None]}, make)
    assert store.fetch_or_make("decode", {"b": [2, None], "a": 1}, make) == first
    assert make.calls == 1
    assert store.fetch_or_make("decode", {"a": 1, "b": [3, None]}, make) != first
    assert store.fetch_or_make("other", {"a": 1, "b": [2, None]}, make) != first
    assert make.calls == 3


@pytest.mark.parametrize("damage", [flip, remove, add, forget, scramble])
def test_a_damaged_entry_is_made_anew_and_only_that(tmp_path: Path, damage: Callable[[Path], None]) -> None:
    store, make = Store(tmp_path), Maker()
    other, folder = (store.fetch_or_make("decode", {"n": n}, make) for n in (1, 2))
    damage(folder)
    assert not is_whole(folder)
    for n in (1, 2):
        assert is_whole(store.fetch_or_make("decode", {"n": n}, make))
    assert make.calls == 3
    assert other.exists()


def rot(path: Path) -> None:
    """Flip a bit as a bad disk does: no date tells."""
    status, content = path.stat(), bytearray(path.read_bytes())
    content[0] ^= 1
    path.write_bytes(content)
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))


def test_work_that_nobody_touched_is_not_hashed_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store, make, hashed = Store(tmp_path), Maker(), list[Path]()
    monkeypatch.setattr("stages.shards.store.sha256", lambda path: hashed.append(path) or sha256(path))
    folder = store.fetch_or_make("decode", {"n": 1}, make)
    assert len(hashed) == 2
    assert store.fetch_or_make("decode", {"n": 1}, make) == store.find("decode", {"n": 1}) == folder
    assert len(hashed) == 2
    monkeypatch.setenv("PIXELS_VERIFY", "1")
    assert store.find("decode", {"n": 1}) is None
    assert store.fetch_or_make("decode", {"n": 1}, make) == folder
    assert (len(hashed), make.calls) == (4, 1)


def test_a_store_that_was_copied_is_hashed_once(tmp_path: Path) -> None:
    Store(tmp_path / "one").fetch_or_make("decode", {}, Maker())
    shutil.copytree(tmp_path / "one", tmp_path / "other")
    store, make = Store(tmp_path / "other"), Maker()
    assert store.find("decode", {}) is None
    folder = store.fetch_or_make("decode", {}, make)
    assert store.find("decode", {}) == folder
    assert make.calls == 0


@pytest.mark.parametrize("damage", [flip, remove, add, forget, scramble])
def test_damaged_work_is_not_found(tmp_path: Path, damage: Callable[[Path], None]) -> None:
    store = Store(tmp_path)
    folder = store.fetch_or_make("decode", {}, Maker())
    assert store.find("decode", {}) == folder
    damage(folder)
    assert store.find("decode", {}) is None


def test_what_rots_without_a_new_date_is_made_anew_on_demand(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store, make = Store(tmp_path), Maker()
    folder = store.fetch_or_make("decode", {}, make)
    rot(folder / "b.bin")
    monkeypatch.setenv("PIXELS_VERIFY", "1")
    assert (store.fetch_or_make("decode", {}, make) / "b.bin").read_bytes() == b"b"
    assert make.calls == 2


def test_asking_for_work_is_a_use_of_it(tmp_path: Path) -> None:
    store = Store(tmp_path)
    seen = store.fetch_or_make("decode", {}, Maker()) / "seen.json"
    for ask in (lambda: store.find("decode", {}), lambda: store.fetch_or_make("decode", {}, Maker())):
        os.utime(seen, (1, 1))
        ask()
        assert time.time() - seen.stat().st_mtime < 60


def test_the_outs_of_a_workspace_say_what_they_were_made_of(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    store = Store(tmp_path / "store")
    folders = [store.fetch_or_make("decode", {"n": n}, Maker()) for n in (1, 2)]
    for some in (folders, folders[:1]):
        store.note_use("decode", some)
    (record,) = (tmp_path / "store" / "uses").iterdir()
    names = [f"decode/{folders[0].name}"]
    assert read_json(record) == {"workspace": str(tmp_path), "stage": "decode", "folders": names}
    assert read_json(folders[0] / "key.json") == {"n": 1}


def test_failed_work_leaves_nothing(tmp_path: Path) -> None:
    def fail(folder: Path) -> None:
        (folder / "half").touch()
        raise OSError("No space left on device")

    with pytest.raises(OSError, match="disk is full"):
        Store(tmp_path).fetch_or_make("decode", {}, fail)
    assert list((tmp_path / "decode").iterdir()) == []


def test_work_of_another_process_that_was_faster_is_taken(tmp_path: Path) -> None:
    store, slow, fast = Store(tmp_path), Maker(), Maker()

    def overtaken(folder: Path) -> None:
        slow(folder)
        store.fetch_or_make("decode", {}, fast)

    folder = store.fetch_or_make("decode", {}, overtaken)
    assert is_whole(folder) and (slow.calls, fast.calls) == (1, 1)
    assert list((tmp_path / "decode").iterdir()) == [folder]


def test_leftovers_of_the_killed_are_swept_and_those_of_the_living_stay(tmp_path: Path) -> None:
    store, leftover = Store(tmp_path), tmp_path / "decode" / "old-x.partial"
    leftover.mkdir(parents=True)
    seen: list[Path] = []

    def make(folder: Path) -> None:
        seen.append(folder)
        store.fetch_or_make("decode", {"another": 1}, Maker())
        assert folder.is_dir()
        Maker()(folder)

    folder = store.fetch_or_make("decode", {}, make)
    assert seen and not seen[0].exists()
    assert folder in tmp_path.glob("decode/*") and not list(tmp_path.glob("decode/*.partial"))


def test_a_room_is_tidy_after_workers_were_killed_in_it(tmp_path: Path) -> None:
    store = Store(tmp_path)
    with pytest.raises(OSError, match="one failed"), store.tidying("decode"):
        (tmp_path / "decode" / "another-x.partial").mkdir(parents=True)
        raise OSError("one failed")
    assert list((tmp_path / "decode").iterdir()) == []


def test_links_share_bytes_and_replace_what_was_there(tmp_path: Path) -> None:
    folder = Store(tmp_path / "store").fetch_or_make("decode", {}, Maker())
    (tmp_path / "out" / "deep").mkdir(parents=True)
    (tmp_path / "out" / "b.bin").write_bytes(b"older")
    link_tree(folder, tmp_path / "out")
    made = {p.relative_to(tmp_path / "out").as_posix() for p in (tmp_path / "out").rglob("*") if p.is_file()}
    assert made == {"b.bin", "deep/a.bin"}
    assert (tmp_path / "out" / "b.bin").samefile(folder / "b.bin")


@pytest.mark.skipif(not Path("/dev/shm").is_dir(), reason="needs a second device")
def test_across_devices_files_are_copied(tmp_path: Path) -> None:
    folder = Store(tmp_path / "store").fetch_or_make("decode", {}, Maker())
    target = Path("/dev/shm") / tmp_path.name
    try:
        link_tree(folder, target)
        assert sha256(target / "deep" / "a.bin") == sha256(folder / "deep" / "a.bin")
    finally:
        for file in sorted(target.rglob("*"), reverse=True):
            file.rmdir() if file.is_dir() else file.unlink()
        target.rmdir()


def test_a_change_of_code_changes_its_digest(tmp_path: Path) -> None:
    (tmp_path / "room").mkdir()
    module = tmp_path / "room" / "a.py"
    module.write_text("x = 1\n", encoding="utf-8")
    before = source_digest(tmp_path / "room", module)
    (tmp_path / "room" / "notes.txt").touch()
    assert source_digest(tmp_path / "room", module) == before
    module.write_text("x = 2\n", encoding="utf-8")
    assert source_digest(tmp_path / "room", module) != before
