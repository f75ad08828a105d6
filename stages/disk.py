"""Whether there is room for another run: `python -m stages disk`."""

import json
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from stages import layout
from stages.keeping.projects import ProjectError, cache_folder
from stages.keeping.watermarks import Disk, Level, Place, disks

_GB = 1e9
_STATUS: dict[Level, int] = {"fine": 0, "low": 3, "high": 4}


def report(*, low: float, high: float, as_json: bool) -> int:
    """Hold every file system that a run writes to against two marks; 0: below both, 3: above the low, 4: the high."""
    if not 0 < low <= high <= 1:
        print(f"disk: expected 0 < low <= high <= 1, found low {low:g}, high {high:g}", file=sys.stderr)
        return 2
    found = disks(list(places()), low=low, high=high)
    rows = [_row(disk) for disk in found]
    if as_json:
        print(json.dumps({"low": low, "high": high, "disks": rows}, indent=2))
    else:
        Console().print(_table(rows))
    worst = max(found, key=lambda disk: _STATUS[disk.level]).level
    for disk in found:
        if disk.level != "fine":
            print(_advice(disk), file=sys.stderr)
    return _STATUS[worst]


def places() -> Iterator[Place]:
    """What grows, and what frees it."""
    yield Place("workspace", Path(), "")
    yield Place("temporary files", Path(tempfile.gettempdir()), "")
    yield Place("store", layout.store(), "python -m stages gc")
    with suppress(ProjectError, FileNotFoundError):  # no DVC workspace, or no DVC
        yield Place("DVC's cache", cache_folder(), "python -m stages trim")
    yield Place("worktrees of runs", layout.runs(), "python -m stages clear")
    if (artifacts := layout.artifacts(layout.tracking_uri())) is not None:
        yield Place("MLflow's artifacts", artifacts, "python -m stages tidy")


def _row(disk: Disk) -> dict[str, Any]:
    named = {place.name: str(place.path) for place in disk.places}
    frees = {place.name: place.frees for place in disk.places if place.frees}
    shares = {"used_share": round(disk.used_share, 4), "free_bytes": disk.free_bytes, "level": disk.level}
    return {**shares, "places": named, "sizes_bytes": dict(disk.sizes), "frees": frees}


def _table(rows: Sequence[dict[str, Any]]) -> Table:
    table = Table(box=None, pad_edge=False)
    for column in ("", "in use", "free, GB", "holds"):
        table.add_column(column, overflow="fold")
    for row in rows:
        held = ", ".join(f"{name} ({path})" for name, path in row["places"].items())
        table.add_row(row["level"], f"{row['used_share']:.1%}", f"{row['free_bytes'] / _GB:.1f}", held)
    return table


def _advice(disk: Disk) -> str:
    """What to free, the largest first."""
    frees = {place.name: place.frees for place in disk.places}
    largest = sorted(disk.sizes.items(), key=lambda item: -item[1])
    said = "; ".join(f"{name} {size / _GB:.2f} GB: `{frees[name]}`" for name, size in largest)
    state = f"{disk.used_share:.1%} in use, {disk.free_bytes / _GB:.1f} GB free"
    return f"disk: {state}. What may go: {said or 'nothing of ours'}"
