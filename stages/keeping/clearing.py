"""Removes worktrees of runs that ended long ago and that nobody holds."""

import os
import shutil
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from stages.keeping.entries import held
from stages.keeping.projects import called, worktrees

_DAY_S = 24 * 3600.0


@dataclass(frozen=True, slots=True)
class Cleared:
    """A run's worktree: removed, or kept and why. `own_bytes`: of files with no other name, such as DVC's cache."""

    path: Path
    own_bytes: int
    used_s: float  # last change in it or of what is written beside it, Unix
    kept_because: str  # empty: it is gone, or would be


def clear(root: Path, *, keep_days: float, now_s: float, dry_run: bool) -> list[Cleared]:
    """Remove the worktrees below `root` in which nothing changed for `keep_days` and no process is at work.

    Their branches and commits stay, and so does what was written beside them. Folders that are no worktrees of this
    repository are left alone.
    """
    if not dry_run:
        called("git", "worktree", "prune")
    place = root.resolve()
    ours = [tree for tree in worktrees() if place in tree.path.resolve().parents and tree.path.is_dir()]
    found: list[Cleared] = []
    for tree in ours:
        own_bytes, used_s = _weigh(tree.path)
        why = "git worktree lock" if tree.locked else _kept_because(tree.path, used_s, now_s - keep_days * _DAY_S)
        if not why and not dry_run:
            why = _remove(tree.path)
        found.append(Cleared(tree.path, own_bytes, used_s, why))
    return found


def holders(folder: Path) -> list[int]:
    """Processes of this machine that stand in a folder."""
    place = folder.resolve()
    return [pid for pid, where in _places() if where == place or place in where.parents]


def _kept_because(folder: Path, used_s: float, oldest_s: float) -> str:
    if used_s >= oldest_s:
        return "changed of late"
    if pids := holders(folder):
        return f"process {pids[0]} works in it"
    for lock in sorted(folder.glob(".locks/*.lock")):
        with held(lock) as free:
            if not free:
                return f"the stage {lock.stem} runs in it"
    return ""


def _remove(folder: Path) -> str:
    """By force: a run leaves its dvc.lock changed. What git ignores goes as well; or why it was kept."""
    with held(folder.parent / ".locks" / f"{folder.name}.lock") as free:
        if not free:
            return "a run makes or changes it"
        called("git", "worktree", "remove", "--force", str(folder))
        shutil.rmtree(folder, ignore_errors=True)
    return ""


def _weigh(folder: Path) -> tuple[int, float]:
    """Bytes that have no other name, and the time of the last change of it, of anything in it and of its record."""
    own_bytes, used_s = 0, folder.stat().st_mtime
    record = folder.with_name(f"{folder.name}.json")
    if record.is_file():
        used_s = max(used_s, record.stat().st_mtime)
    for place, folders, names in os.walk(folder):
        for name in (*folders, *names):
            with suppress(FileNotFoundError):
                status = (Path(place) / name).lstat()
                used_s = max(used_s, status.st_mtime)
                own_bytes += status.st_size * (status.st_nlink == 1)
    return own_bytes, used_s


def _places() -> Iterator[tuple[int, Path]]:
    for process in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):  # another user's, or gone meanwhile
            yield int(process.name), (process / "cwd").readlink()
