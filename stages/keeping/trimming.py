"""Removes from DVC's cache what nobody needs: `dvc gc`, told of everybody who does.

Needed are the outs of this workspace, of other worktrees and workspaces of this host, of branches, tags, experiments
and recent commits, and of every dvc.lock that a registered version carries.
"""

import tempfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import yaml

from stages.keeping.projects import cache_folder, called, worktrees
from stages.keeping.uses import uses

_REMOVING = "Removing "  # what `dvc gc --dry` says of each object


@dataclass(frozen=True, slots=True)
class Trimmed:
    """What went, or would go, of a cache; `freed_bytes` leaves out objects that a workspace's file still links."""

    cache: Path
    num_objects: int
    freed_bytes: int
    kept_for: tuple[str, ...]  # workspaces beside this one, and registered versions


def trim(store: Path, locks: Mapping[str, bytes], *, since: date, dry_run: bool) -> Trimmed:
    """Collect the garbage of this workspace's cache.

    Args:
        store: Its records name more workspaces of this host.
        locks: Content of the dvc.lock of each registered version, by address.
        since: Keep what commits since this day hold.
        dry_run: Remove nothing.
    """
    cache, others = cache_folder(), neighbours(store)
    with tempfile.TemporaryDirectory(prefix="pixels-locks-") as scratch:
        _write_project(Path(scratch), cache, locks.values())
        command = _command(since, [*others, Path(scratch)])
        doomed = [Path(line.removeprefix(_REMOVING)) for line in _removing(called(*command, "--dry"))]
        sizes = {path: status.st_size * (status.st_nlink == 1) for path in doomed if (status := path.stat())}
        if not dry_run:
            called(*command)
    gone = doomed if dry_run else [path for path in doomed if not path.exists()]
    return Trimmed(cache, len(gone), sum(sizes[path] for path in gone), (*map(str, others), *locks))


def neighbours(store: Path) -> list[Path]:
    """Other DVC workspaces of this host: worktrees of this repository, and whoever uses the same store."""
    found = {tree.path for tree in worktrees()} | {use.workspace for use in uses(store)}
    return sorted(path for path in found if (path / ".dvc").is_dir() and path.resolve() != Path.cwd().resolve())


def _command(since: date, projects: Sequence[Path]) -> list[str]:
    scope = ["--workspace", "--all-branches", "--all-tags", "--all-experiments", "--date", since.isoformat()]
    return ["dvc", "gc", "--force", *scope, "--projects", *map(str, projects)]


def _removing(said: str) -> list[str]:
    return [line for line in said.splitlines() if line.startswith(_REMOVING)]


def _write_project(folder: Path, cache: Path, locks: Iterable[bytes]) -> None:
    """A DVC project that claims what the locks name: DVC then finds the files of folders by itself."""
    outs = {str(out["md5"]): out for lock in locks for out in _outs(yaml.safe_load(lock)) if "md5" in out}
    claims = [
        {"md5": md5, "hash": out.get("hash", "md5"), "path": f"out{n}"} for n, (md5, out) in enumerate(outs.items())
    ]
    (folder / ".dvc").mkdir()
    (folder / ".dvc" / "config").write_text(
        f"[core]\n    no_scm = true\n[cache]\n    dir = {cache}\n", encoding="utf-8"
    )
    (folder / "versions.dvc").write_text(yaml.safe_dump({"outs": claims}), encoding="utf-8")


def _outs(lock: Mapping[str, Any] | None) -> Iterable[Mapping[str, Any]]:
    stages = (lock or {}).get("stages", {})
    return (out for stage in stages.values() for out in stage.get("outs", []))
