"""Tells how registered versions stand on the mixes of this workspace: one ground for old and new."""

import json
import sys
from collections.abc import Sequence
from typing import Any

from rich.console import Console
from rich.table import Table

from stages import layout
from stages.judging.page import render_standings
from stages.judging.standings import as_json as told
from stages.judging.standings import standings
from stages.params import read
from stages.shards.files import replacing, sha256
from stages.tracking.server import connect
from stages.tracking.versions import named


def report(names: Sequence[str], *, as_json: bool, as_html: bool) -> int:
    """Print all versions that are named, those of all models without names, as text or JSON; the exit status.

    With `as_html` layout.STANDINGS is written besides.
    """
    try:
        client, mask, mixes = connect(), read(layout.PARAMS).evaluate.mask, sha256(layout.MIXES)
        rows = [told(standing) for standing in standings(client, named(client, names), mixes, mask)]
    except (ValueError, OSError) as error:
        print(f"standings: {error}", file=sys.stderr)
        return 1
    if as_html:
        with replacing(layout.STANDINGS) as temporary:
            temporary.write_text(render_standings(rows, mixes=mixes, mask=mask), encoding="utf-8")
    if as_json:
        print(json.dumps({"mixes": mixes, "mask": mask, "versions": rows}, indent=2))
    else:
        Console().print(_table(rows))
        Console().print(f"\nSI-SDR in dB with 95 % intervals, {mask} masks, mixes {mixes[:12]}", highlight=False)
    return 0


def _table(rows: Sequence[dict[str, Any]]) -> Table:
    kinds = list(dict.fromkeys(score["kind"] for row in rows for score in row["scores"]))
    table = Table(box=None, pad_edge=False)
    for column in ("version", "alias", *kinds, "over the champion", ""):
        table.add_column(column, overflow="fold")
    for row in rows:
        scores = {score["kind"]: score for score in row["scores"]}
        cells = [_cell(scores.get(kind)) for kind in kinds]
        gain = "" if row["over_champion_db"] is None else _interval(*row["over_champion_db"], sign="+")
        table.add_row(row["address"], ", ".join(row["aliases"]), *cells, gain, row["lacking"])
    return table


def _cell(score: dict[str, Any] | None) -> str:
    return "" if score is None else _interval(score["mean_db"], score["low_db"], score["high_db"], sign="")


def _interval(mean_db: float, low_db: float | None, high_db: float | None, *, sign: str) -> str:
    if low_db is None or high_db is None:
        return f"{mean_db:{sign}.2f}"
    return f"{mean_db:{sign}.2f} ({low_db:{sign}.2f} to {high_db:{sign}.2f})"
