"""New videos on their way from the inbox into an arrival folder of their own, and into the worktree of a run."""

import filecmp
import os
import shutil
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

# What ffmpeg's demuxers on the project's list read; all else that lies in an inbox stays there.
_SUFFIXES = frozenset(
    (
        *(".3gp", ".avi", ".m2ts", ".m4v", ".mkv", ".mov", ".mp4"),
        *(".mpeg", ".mpg", ".mts", ".ts", ".vob", ".webm"),
    )
)


@dataclass(frozen=True, slots=True)
class Inbox:
    """Videos below an inbox, relative to it, sorted."""

    settled: tuple[str, ...]  # nothing of them changed for a while
    moving: tuple[str, ...]  # still being written, or just put there
    oldest_s: float  # since the longest settled one was put there; 0 without any


def look(inbox: Path, *, quiet_s: float, now_s: float) -> Inbox:
    """What waits in an inbox; hidden files and folders, links and files of other kinds are passed over.

    A video has settled when its inode last changed `quiet_s` before `now_s`: unlike a file's own date, which `cp -p`
    and rsync set into the past, that time moves with every write and rename and nobody can set it.
    """
    settled: list[str] = []
    moving: list[str] = []
    oldest_s = 0.0
    for folder, folders, files in os.walk(inbox):
        folders[:] = [name for name in folders if not name.startswith(".")]
        for name in files:
            path = Path(folder) / name
            if name.startswith(".") or path.suffix.lower() not in _SUFFIXES or path.is_symlink():
                continue
            with suppress(FileNotFoundError):
                age_s = now_s - path.stat().st_ctime
                (settled if age_s >= quiet_s else moving).append(path.relative_to(inbox).as_posix())
                oldest_s = max(oldest_s, age_s if age_s >= quiet_s else 0.0)
    return Inbox(tuple(sorted(settled)), tuple(sorted(moving)), oldest_s)


def move(inbox: Path, arrival: Path, names: Iterable[str]) -> list[str]:
    """Move videos, keeping their folders, which give labels; names of those that are in `arrival` afterwards.

    It may be killed at any moment and called again: a file is in the inbox, in the arrival folder, or whole in both,
    and never half under its own name. What is in the way is not overwritten: that video waits for the next arrival.
    """
    moved: list[str] = []
    for name in names:
        source, target = inbox / name, arrival / name
        target.parent.mkdir(parents=True, exist_ok=True)
        if not target.exists():
            _bring(source, target)
        if not source.exists() or filecmp.cmp(source, target, shallow=False):
            source.unlink(missing_ok=True)
            moved.append(name)
    _remove_empty(inbox)
    return moved


def link(source: Path, target: Path, skipped: Sequence[str]) -> int:
    """Give a run's worktree the videos of its workspace by hard links (copies on another file system); how many.

    Args:
        source: The workspace's videos; may be missing.
        target: The worktree's.
        skipped: First-level folders that stages make: DVC brings those.
    """
    count = 0
    for folder, folders, files in os.walk(source):
        below = Path(folder).relative_to(source)
        folders[:] = [name for name in folders if not name.startswith(".") and (below / name).as_posix() not in skipped]
        for name in files:
            if name.startswith("."):
                continue
            (target / below).mkdir(parents=True, exist_ok=True)
            if not os.path.lexists(target / below / name):
                _link_or_copy(Path(folder) / name, target / below / name)
            count += 1
    return count


def _bring(source: Path, target: Path) -> None:
    """A second name for the file, or a copy that appears whole."""
    _link_or_copy(source, target)
    _sync(target.parent)


def _link_or_copy(source: Path, target: Path) -> None:
    try:
        os.link(source, target, follow_symlinks=False)
    except FileExistsError:
        return
    except OSError:  # another file system, or one without hard links
        temporary = target.with_name(f".{target.name}.part")  # which `index` passes over
        shutil.copy2(source, temporary, follow_symlinks=False)
        if not temporary.is_symlink():
            _sync(temporary)
        temporary.replace(target)


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _remove_empty(inbox: Path) -> None:
    """Folders below the inbox that nothing is left in; one into which somebody just puts a file stays."""
    for folder, _, _ in os.walk(inbox, topdown=False):
        if Path(folder) != inbox:
            with suppress(OSError):
                Path(folder).rmdir()
