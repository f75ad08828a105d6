"""Which worktrees of runs may go: `python -m stages clear`."""

import json
import sys
import time
from collections.abc import Sequence

from rich.console import Console
from rich.table import Table

from stages import layout
from stages.keeping.clearing import Cleared, clear

_DAY_S = 24 * 3600
_GB = 1e9


def report(*, keep_days: float, dry_run: bool, as_json: bool) -> int:
    """Remove old worktrees of runs, or only say which; the exit status."""
    now_s = time.time()
    try:
        found = clear(layout.runs(), keep_days=keep_days, now_s=now_s, dry_run=dry_run)
    except (ValueError, OSError) as error:
        print(f"clear: {error}", file=sys.stderr)
        return 1
    freed_bytes = sum(tree.own_bytes for tree in found if not tree.kept_because)
    if as_json:
        rows = [{"path": str(t.path), "bytes": t.own_bytes, "kept_because": t.kept_because} for t in found]
        print(json.dumps({"dry_run": dry_run, "freed_bytes": freed_bytes, "worktrees": rows}, indent=2))
    else:
        Console().print(_table(found, now_s, dry_run=dry_run))
        print(f"\n{layout.runs()}: {'would free' if dry_run else 'freed'} {freed_bytes / _GB:.3f} GB.")
    return 0


def _table(found: Sequence[Cleared], now_s: float, *, dry_run: bool) -> Table:
    table = Table(box=None, pad_edge=False)
    for column in ("run", "GB", "days old", ""):
        table.add_column(column, overflow="fold")
    for tree in found:
        fate = tree.kept_because or ("to remove" if dry_run else "removed")
        table.add_row(str(tree.path), f"{tree.own_bytes / _GB:.3f}", f"{(now_s - tree.used_s) / _DAY_S:.1f}", fate)
    return table
