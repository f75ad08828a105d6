"""Removes from DVC's cache what nobody needs: `dvc gc`, told of everybody who does.

Needed are the outs of this workspace, of other worktrees and workspaces of this host, of branches, tags, experiments
and recent commits, and of every dvc.lock that a registered version carries.
"""

import tempfile
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import yaml

from stages.keeping.clearing import holders
from stages.keeping.projects import cache_folder, called, worktrees
from stages.keeping.uses import uses

_REMOVING = "Removing "  # what `dvc gc --dry` says of each object


class AtWorkError(ValueError):
    """Somebody may just now be putting into the cache what no file names yet."""


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

    Raises:
        AtWorkError: A process stands in another workspace. DVC locks this one only while it collects.
    """
    cache, others = cache_folder(), neighbours(store)
    for other in others if not dry_run else ():
        if pids := holders(other):
            raise AtWorkError(f"{other}: process {pids[0]} is at work there; trim again after it")
    with tempfile.TemporaryDirectory(prefix="pixels-locks-") as scratch:
        texts = [*locks.values(), *(text for other in others for text in _files_of(other))]
        _write_project(Path(scratch), cache, texts)
        scope = ["--workspace", "--all-branches", "--all-tags", "--all-experiments", "--date", since.isoformat()]
        command = ["dvc", "gc", "--force", *scope, "--projects", scratch]
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


def _files_of(workspace: Path) -> Iterator[bytes]:
    """What DVC wrote in another workspace. Named to `dvc gc`, it would walk all of its branches once more."""
    listed = ("ls-files", "-z", "--cached", "--others", "--exclude-standard", "--", "*.dvc", "*dvc.lock")
    names = called("git", "-C", str(workspace), *listed).split("\0")
    return ((workspace / name).read_bytes() for name in names if name and (workspace / name).is_file())


def _removing(said: str) -> list[str]:
    return [line for line in said.splitlines() if line.startswith(_REMOVING)]


def _write_project(folder: Path, cache: Path, texts: Iterable[bytes]) -> None:
    """A DVC project that claims what files of DVC name; what folders hold DVC then finds by itself."""
    outs = {str(out["md5"]): out for text in texts for out in _outs(yaml.safe_load(text)) if "md5" in out}
    claims = [
        {"path": f"out{number}", **{name: out[name] for name in ("md5", "hash") if name in out}}
        for number, out in enumerate(outs.values())
    ]
    called("git", "init", "--quiet", str(folder))  # else `dvc gc` knows no branches of it
    (folder / ".dvc").mkdir()
    (folder / ".dvc" / "config").write_text(f"[cache]\n    dir = {cache}\n", encoding="utf-8")
    (folder / "claims.dvc").write_text(yaml.safe_dump({"outs": claims}), encoding="utf-8")


def _outs(content: Mapping[str, Any] | None) -> list[Mapping[str, Any]]:
    """Of a dvc.lock or of a .dvc file."""
    parts = [content or {}, *(content or {}).get("stages", {}).values()]
    return [out for part in parts for out in part.get("outs", [])]
