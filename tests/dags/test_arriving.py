"""Videos on their way out of the inbox: what has settled, moves that may be killed, links into a worktree."""

import os
import time
from collections.abc import Callable
from pathlib import Path

import arriving
import pytest
from arriving import link, look, move

from stages.media.listing import find_videos


def put(root: Path, name: str, content: str = "film") -> Path:
    path = root / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content, encoding="utf-8")
    return path


def files(root: Path) -> dict[str, str]:
    return {str(path.relative_to(root)): path.read_text() for path in sorted(root.rglob("*")) if path.is_file()}


def test_a_video_settles_when_nothing_of_it_changes(tmp_path: Path) -> None:
    first = put(tmp_path, "violin/a.mp4")
    put(tmp_path, "b.MKV")
    os.utime(first, (0, 0))  # as `cp -p` and rsync do while the file is still new here
    now_s = time.time()
    found = look(tmp_path, quiet_s=60, now_s=now_s)
    assert (found.settled, found.moving, found.oldest_s) == ((), ("b.MKV", "violin/a.mp4"), 0)
    later = look(tmp_path, quiet_s=60, now_s=now_s + 61)
    assert (later.settled, later.moving) == (("b.MKV", "violin/a.mp4"), ())
    assert 61 <= later.oldest_s < 120


def test_only_plain_videos_are_looked_at(tmp_path: Path) -> None:
    for name in ("a.mp4", "a.json", ".b.mp4", "c.mp4.part", ".partial/d.mp4", "notes"):
        put(tmp_path, name)
    (tmp_path / "link.mp4").symlink_to("/etc/passwd")
    (tmp_path / "folder.mp4").mkdir()
    assert look(tmp_path, quiet_s=0, now_s=time.time() + 1).settled == ("a.mp4",)
    assert look(tmp_path / "nowhere", quiet_s=0, now_s=time.time()).settled == ()


def test_a_move_keeps_folders_and_leaves_an_empty_inbox(tmp_path: Path) -> None:
    inbox, arrival = tmp_path / "inbox", tmp_path / "videos/new"
    put(inbox, "violin/take/a.mp4", "one")
    put(inbox, "b.mp4", "two")
    put(inbox, "cello/c.mp4", "still moving")
    assert move(inbox, arrival, ["b.mp4", "violin/take/a.mp4"]) == ["b.mp4", "violin/take/a.mp4"]
    assert files(arrival) == {"b.mp4": "two", "violin/take/a.mp4": "one"}
    assert files(inbox) == {"cello/c.mp4": "still moving"}
    assert sorted(path.name for path in inbox.iterdir()) == ["cello"]
    assert move(inbox, arrival, []) == []


def test_what_is_in_the_way_is_not_overwritten(tmp_path: Path) -> None:
    put(tmp_path / "inbox", "a.mp4", "another film of that name")
    put(tmp_path / "new", "a.mp4", "moved before")
    assert move(tmp_path / "inbox", tmp_path / "new", ["a.mp4"]) == []
    assert files(tmp_path / "inbox") == {"a.mp4": "another film of that name"}
    assert files(tmp_path / "new") == {"a.mp4": "moved before"}


class Killed(BaseException):
    """As a SIGKILL would, it is caught by nobody."""


def dying(function: Callable[..., object], at: int) -> Callable[..., object]:
    """The function, which at an even `at` dies before its call at // 2, at an odd one right after it."""
    calls = iter(range(1000))

    def call(*arguments: object, **more: object) -> object:
        now = next(calls) == at // 2
        if now and at % 2 == 0:
            raise Killed
        result = function(*arguments, **more)
        if now:
            raise Killed
        return result

    return call


def refuse(*_: object, **__: object) -> None:
    raise OSError(18, "another file system")


@pytest.mark.parametrize("across", [False, True], ids=["one file system", "two file systems"])
def test_a_move_that_is_killed_anywhere_loses_and_halves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, across: bool
) -> None:
    names = ["b.mp4", "violin/a.mp4"]
    content = {"b.mp4": "two" * 1000, "violin/a.mp4": "one" * 1000}
    deaths = 0
    for where, function in [("os.link", os.link), ("os.fsync", os.fsync), ("shutil.copy2", arriving.shutil.copy2)]:
        for at in range(6):
            root = tmp_path / f"{where}{at}"
            for name, text in content.items():
                put(root / "inbox", name, text)
            with monkeypatch.context() as patch:
                if across:
                    patch.setattr("os.link", refuse)
                if not (across and where == "os.link"):
                    patch.setattr(where, dying(function, at))
                try:
                    move(root / "inbox", root / "videos/new", names)
                except Killed:
                    deaths += 1
                seen = find_videos(root / "videos").paths if (root / "videos").exists() else ()
                assert all((root / "videos" / path).read_text() in content.values() for path in seen)
            with monkeypatch.context() as patch:
                if across:
                    patch.setattr("os.link", refuse)
                assert move(root / "inbox", root / "videos/new", names) == names
            assert files(root / "videos/new") == content
            assert files(root / "inbox") == {}
    assert deaths > 4


def test_a_worktree_gets_the_users_videos_but_not_what_stages_make(tmp_path: Path) -> None:
    source, target = tmp_path / "w/data/videos", tmp_path / "run/data/videos"
    for name in ("mine/violin/a.mp4", "first/violin/b.mp4", "c.mp4", ".gitignore", "mine/.d.mp4.part"):
        put(source, name)
    assert link(source, target, ["first"]) == 2
    assert sorted(files(target)) == ["c.mp4", "mine/violin/a.mp4"]
    assert (target / "mine/violin/a.mp4").samefile(source / "mine/violin/a.mp4")
    put(source, "mine/violin/e.mp4")
    assert link(source, target, ["first"]) == 3  # again, as a retry does
    assert link(tmp_path / "nowhere", target, []) == 0


def test_links_on_another_file_system_are_copies(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    put(tmp_path / "w", "mine/a.mp4", "film")
    monkeypatch.setattr("os.link", refuse)
    assert link(tmp_path / "w", tmp_path / "run", []) == 1
    assert files(tmp_path / "run") == {"mine/a.mp4": "film"}
