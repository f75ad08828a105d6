"""What the store may lose: `make gc`. Work that is removed by mistake costs time, never a result."""

import json
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass

from rich.console import Console
from rich.table import Table

from stages import layout
from stages.keeping.entries import Entry
from stages.keeping.pruning import Pruned, prune

_GB = 1e9


@dataclass(frozen=True, slots=True)
class Row:
    """One room of the report; `freed_bytes` leaves out files that DVC's outs still link."""

    room: str
    kept: int
    kept_bytes: int
    removed: list[str]
    freed_bytes: int
    busy: bool


def report(*, keep_days: float, dry_run: bool, as_json: bool) -> int:
    """Prune the store, or only say what that would do; returns the exit status."""
    rows = [_row(pruned) for pruned in prune(layout.store(), keep_days=keep_days, now_s=time.time(), dry_run=dry_run)]
    if as_json:
        print(json.dumps({"dry_run": dry_run, "rooms": [asdict(row) for row in rows]}, indent=2))
    else:
        Console().print(_table(rows, dry_run=dry_run))
        Console().print(_total(rows, keep_days, dry_run=dry_run), highlight=False)
    return 0


def _row(pruned: Pruned) -> Row:
    freed_bytes = sum(entry.own_bytes for entry in pruned.removed)
    names = [entry.name for entry in pruned.removed]
    return Row(pruned.room, len(pruned.kept), _size(pruned.kept), names, freed_bytes, pruned.busy)


def _size(found: Sequence[Entry]) -> int:
    return sum(entry.num_bytes for entry in found)


def _table(rows: Sequence[Row], *, dry_run: bool) -> Table:
    table = Table(box=None, pad_edge=False)
    table.add_column("work of")
    for column in ("kept", "GB", "to remove" if dry_run else "removed", "to free, GB" if dry_run else "freed, GB"):
        table.add_column(column, justify="right")
    table.add_column("")
    for row in rows:
        note = "in use by a running stage: left as it is" if row.busy else ""
        sizes = f"{row.kept_bytes / _GB:.3f}", f"{row.freed_bytes / _GB:.3f}"
        table.add_row(row.room, str(row.kept), sizes[0], str(len(row.removed)), sizes[1], note)
    return table


def _total(rows: Sequence[Row], keep_days: float, *, dry_run: bool) -> str:
    freed = f"{sum(row.freed_bytes for row in rows) / _GB:.3f} GB"
    rule = f"not used for {keep_days:g} days, and by no workspace's present outs"
    return f"\n{layout.store()}: {'would free' if dry_run else 'freed'} {freed} ({rule})."
