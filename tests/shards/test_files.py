import errno
import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from stages.shards.files import (
    DiskFullError,
    check_room,
    copy_whole,
    read_json,
    replacing,
    sha256,
    sha256_json,
    write_json,
)


def test_a_file_appears_whole_or_not_at_all(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "a.txt"
    with pytest.raises(KeyError), replacing(path) as temporary:
        temporary.write_text("half", encoding="utf-8")
        raise KeyError
    assert list(path.parent.iterdir()) == []
    with replacing(path) as temporary:
        temporary.write_text("whole", encoding="utf-8")
        assert not path.exists()
    assert path.read_text(encoding="utf-8") == "whole"
    assert stat.S_IMODE(path.stat().st_mode) == 0o644


def test_a_failure_keeps_the_file_that_was_there(tmp_path: Path) -> None:
    write_json(tmp_path / "a.json", {"b": 1, "a": [None, 0.1]})
    with pytest.raises(ValueError, match="JSON"):
        write_json(tmp_path / "a.json", float("nan"))
    assert read_json(tmp_path / "a.json") == {"a": [None, 0.1], "b": 1}
    assert [path.name for path in tmp_path.iterdir()] == ["a.json"]


def test_what_a_killed_writer_left_is_used_up(tmp_path: Path) -> None:
    (tmp_path / ".a.json.partial").write_text("x" * 10_000, encoding="utf-8")
    write_json(tmp_path / "a.json", 1)
    assert read_json(tmp_path / "a.json") == 1
    assert [path.name for path in tmp_path.iterdir()] == ["a.json"]


def test_a_second_writer_waits_for_the_first(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    with ThreadPoolExecutor(1) as other:
        with replacing(path) as temporary:
            second = other.submit(write_json, path, 2)
            with pytest.raises(TimeoutError):
                second.result(timeout=0.2)
            temporary.write_text("1", encoding="utf-8")
        second.result(timeout=10)
    assert read_json(path) == 2
    assert [path.name for path in tmp_path.iterdir()] == ["a.json"]


def test_what_is_no_json_is_named(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_bytes(b'{"a": \xff}')
    with pytest.raises(ValueError, match=r"a\.json: is no JSON .*: damaged"):
        read_json(tmp_path / "a.json")


@pytest.mark.parametrize("error", [OSError(errno.ENOSPC, "no"), RuntimeError("No space left on device (os error 28)")])
def test_a_full_disk_is_named_and_leaves_what_was_there(tmp_path: Path, error: Exception) -> None:
    path = tmp_path / "a.json"
    write_json(path, 1)
    with pytest.raises(DiskFullError, match=r"a\.json: the disk is full: more than 5 bytes are needed, \d+ are free"):  # noqa: SIM117
        with replacing(path) as temporary:
            temporary.write_bytes(b"half")
            raise error
    assert read_json(path) == 1
    assert [path.name for path in tmp_path.iterdir()] == ["a.json"]


def test_what_cannot_fit_is_not_begun(tmp_path: Path) -> None:
    with pytest.raises(DiskFullError, match=rf"{2**60} bytes are needed"):
        check_room(tmp_path / "a", 2**60)
    check_room(tmp_path / "a", 1)


def test_hashes_are_those_of_the_standard(tmp_path: Path) -> None:
    (tmp_path / "abc").write_bytes(b"abc")
    known = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    assert sha256(tmp_path / "abc") == known
    copy_whole(tmp_path / "abc", tmp_path / "copy")
    assert sha256(tmp_path / "copy") == known


def test_the_order_of_keys_does_not_change_a_hash() -> None:
    assert sha256_json({"a": 1, "b": {"c": 2, "d": 3}}) == sha256_json({"b": {"d": 3, "c": 2}, "a": 1})
    assert sha256_json({"a": 1}) != sha256_json({"a": 2})
