"""Compares two estimators on the same mixes, of this run or of two."""

import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from stages import layout
from stages.metrics.pairing import Comparison, Difference, compare, rows_of
from stages.params import read
from stages.shards.tables import read_columns


def report(first: str, second: str, *, scores: Sequence[Path], kind: str | None, as_json: bool) -> int:
    """Print how much better `first` is than `second`, whose scores stand in the last of `scores`; the exit status."""
    try:
        if len(scores) > 2:
            raise ValueError(f"two tables can be compared, found {len(scores)}; give --scores once or twice")
        settings = read(layout.PARAMS).evaluate
        ours = rows_of(read_columns(scores[0]), first, kind)
        theirs = rows_of(read_columns(scores[-1]), second, kind)
        found = compare(ours, theirs, resamples=settings.bootstrap_resamples, seed=settings.bootstrap_seed)
    except ValueError as error:
        print(f"compare: {error}")
        return 1
    if as_json:
        print(json.dumps({"first": first, "second": second, "kind": kind, **asdict(found)}, indent=2))
    else:
        print(_text(first, second, kind, found))
    return 0


def _text(first: str, second: str, kind: str | None, found: Comparison) -> str:
    counts = f"{found.num_mixes} mixes, {found.num_rows} sounds, {found.num_videos} videos"
    head = f"{first} minus {second}, {kind or 'all kinds'}: {counts}"
    lines = [_line(name, difference) for name, difference in found.differences.items()]
    foot = "95 % interval by source video; p: one-sided, that the first is no better"
    return "\n".join([head, *lines, foot])


def _line(name: str, difference: Difference) -> str:
    label = {"si_sdr": "SI-SDR", "sdr": "SDR"}[name]
    if difference.low_db is None or difference.high_db is None or difference.p is None:
        return f"  {label:6} {difference.mean_db:+.2f} dB, no interval: fewer than two videos"
    interval = f"{difference.low_db:+.2f} to {difference.high_db:+.2f}"
    return f"  {label:6} {difference.mean_db:+.2f} dB ({interval}), p = {difference.p:.4f}"
