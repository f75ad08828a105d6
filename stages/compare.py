"""Compares two estimators on the same mixes, of this run or of two; or two registered versions."""

import json
from collections.abc import Sequence
from dataclasses import asdict
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Any

from stages import layout
from stages.metrics.pairing import Comparison, Difference, compare, rows_of
from stages.params import read
from stages.shards.files import replacing, sha256
from stages.shards.tables import read_columns

if TYPE_CHECKING:  # mlflow, which they import, takes seconds that a comparison of tables need not wait for
    from stages.judging.comparison import Comparison as Held
    from stages.judging.comparison import KindRow
    from stages.judging.listening import Heard

_CLIPS = 5  # to listen to


def of_versions(first: str, second: str) -> bool:
    """Whether both names are addresses of registered versions, such as pixels@champion or pixels/3."""
    return all("@" in name or "/" in name for name in (first, second))


def report_versions(first: str, second: str, *, kind: str | None, as_json: bool, as_html: bool) -> int:
    """Print how two registered versions differ, as text or JSON, or write layout.COMPARISON; the exit status."""
    from stages.judging.comparison import hold_together
    from stages.judging.sides import common_mixes, sides
    from stages.tracking.server import connect
    from stages.tracking.versions import find

    try:
        client = connect()
        versions = [find(client, address) for address in (first, second)]
        mixes = common_mixes(client, versions)
        found = hold_together(*sides(client, versions, mixes, kind), num_apart=_CLIPS)
        if as_html:
            _write_page(found, client, versions, mixes)
        else:
            print(json.dumps(asdict(found), indent=2) if as_json else _versions_text(found))
    except ValueError as error:
        print(f"compare: {error}")
        return 1
    return 0


def _write_page(found: "Held", client: Any, versions: Sequence[Any], mixes: str) -> None:
    from stages.judging.page import render

    heard, silent_because = _hear(found, client, versions, mixes)
    with replacing(layout.COMPARISON) as temporary:
        temporary.write_text(render(found, heard, silent_because), encoding="utf-8")
    print(f"wrote {layout.COMPARISON}" + (f"; nothing to listen to: {silent_because}" if silent_because else ""))


def _hear(found: "Held", client: Any, versions: Sequence[Any], mixes: str) -> tuple[list["Heard"], str | None]:
    """Both versions on the mixes on which they differ most; or why that cannot be had here."""
    if not layout.MIXES.is_file() or sha256(layout.MIXES) != mixes:
        return [], f"{layout.MIXES} of this workspace holds other mixes than {mixes[:12]}"
    from stages.judging.listening import listen
    from stages.shards.reader import ClipReader
    from stages.shards.schema import MixSource
    from stages.shards.tables import read_rows
    from stages.tracking.versions import load_version

    first, second = (load_version(client, version) for version in versions)
    if first.clip != second.clip:
        return [], "their clips are of other length or rate"
    grouped = groupby(read_rows(layout.MIXES, MixSource), key=lambda row: row.mix_id)
    rows = {mix_id: list(sources) for mix_id, sources in grouped}
    chosen = [rows[mix.mix_id] for mix in found.apart]
    return listen(ClipReader(), chosen, (first, second), read(layout.PARAMS).evaluate.mask), None


def _versions_text(found: "Held") -> str:
    lines = [f"{found.first} minus {found.second}, SI-SDR, 95 % interval by mixes that share videos"]
    lines += [_kind_line(row) for row in found.kinds]
    lines += ["they differ most on"]
    lines += [f"  {' + '.join(m.labels)} ({m.mix_id}): {m.first_db:.1f}, {m.second_db:.1f} dB" for m in found.apart]
    for title, changes in (("params", found.params), ("made of", found.tags)):
        lines += [f"{title} that differ" if changes else f"{title}: the same"]
        lines += [f"  {change.name}: {change.first} -> {change.second}" for change in changes]
    return "\n".join(lines)


def _kind_line(row: "KindRow") -> str:
    interval = "too few videos" if row.low_db is None else f"{row.low_db:+.2f} to {row.high_db:+.2f}"
    return f"  {row.kind:10} {row.difference_db:+.2f} dB ({interval}), {row.num_mixes} mixes, {row.num_videos} videos"


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
