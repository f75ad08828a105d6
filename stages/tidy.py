"""Tidies MLflow up: runs that nobody writes any more, runs without metrics, models without a version, the bin."""

import json
import os
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict

from rich.console import Console
from rich.table import Table

from stages.tracking.runs import spool_folder
from stages.tracking.server import Client, TrackingError, connect
from stages.tracking.shipper import ship_orphans
from stages.tracking.tidying import Loose, binned, close, erase, left_running, put_into_bin, useless

_DAY_MS = 24 * 3600 * 1000
_GB = 1e9


def report(*, keep_days: float, dry_run: bool, as_json: bool) -> int:
    """Close, bin and erase, or only say what that would do; the exit status.

    Returns:
        3: all was done but emptying the bin, and it is said why; os.EX_TEMPFAIL (75): MLflow is away.
    """
    try:
        client = connect()
    except TrackingError as error:
        print(f"tidy: {error}", file=sys.stderr)
        return os.EX_TEMPFAIL
    oldest_ms = int(time.time() * 1000 - keep_days * _DAY_MS)
    kept_because = ""
    if dry_run:
        found = [*left_running(client, oldest_ms=oldest_ms), *useless(client, oldest_ms=oldest_ms), *binned(client)]
    else:
        found = list(_tidy(client, oldest_ms))
        try:
            found += erase(client, keep_days=keep_days)
        except TrackingError as error:
            kept_because = str(error)
    _say(found, kept_because, dry_run=dry_run, as_json=as_json)
    return 3 if kept_because else 0


def _tidy(client: Client, oldest_ms: int) -> Iterator[Loose]:
    """First what is still unsent is sent: a run may then end as it truly ended."""
    ship_orphans(spool_folder())
    running = left_running(client, oldest_ms=oldest_ms)
    close(client, running)
    yield from running
    empty = useless(client, oldest_ms=oldest_ms)
    put_into_bin(client, empty)
    yield from empty


def _say(found: Sequence[Loose], kept_because: str, *, dry_run: bool, as_json: bool) -> None:
    freed_bytes = sum(loose.num_bytes or 0 for loose in found if loose.fate == "erased")
    if as_json:
        rows = [asdict(loose) for loose in found]
        content = {"dry_run": dry_run, "freed_bytes": freed_bytes, "kept_because": kept_because, "found": rows}
        print(json.dumps(content, indent=2))
        return
    table = Table(box=None, pad_edge=False)
    for column in ("to be" if dry_run else "", "", "id", "name", "GB", "why"):
        table.add_column(column, overflow="fold")
    for loose in found:
        size = "" if loose.num_bytes is None else f"{loose.num_bytes / _GB:.3f}"
        table.add_row(loose.fate, loose.kind, loose.id, loose.name, size, loose.why)
    Console().print(table)
    bin_ = " (at most: what of it was deleted long enough ago)" if dry_run else ""
    print(f"\n{'would free' if dry_run else 'freed'} {freed_bytes / _GB:.3f} GB{bin_}. {kept_because}".rstrip())
