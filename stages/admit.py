"""Says whether the videos at hand may be trained on, and keeps what the next run will be held against."""

import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from rich.console import Console
from rich.table import Table

from stages import layout
from stages.admission.checks import Check, examine
from stages.admission.videos import Videos, describe, keep, recall
from stages.exits import REFUSED, status_of
from stages.fingerprints.leaks import Leak
from stages.params import Params, read
from stages.shards.files import write_json
from stages.shards.flags import ClipCoincidence
from stages.shards.schema import DecodedClip, Reject
from stages.shards.tables import read_rows


def report(*, against: Path | None, as_json: bool) -> int:
    """Check what `index`, `decode`, `leakage` and `coincidence` found; status 0: train on it, 3: do not, 1: an error.

    Writes the folder `layout.ADMISSION` in any case.

    Args:
        against: Such a folder of the last good run; None: there was none.
        as_json: Print JSON.
    """
    try:
        params = read(layout.PARAMS)
        present = _present(params)
        known = recall(against) if against else None
        checks = examine(present, known, len(read_rows(layout.LEAKS, Leak)), params.admit)
        keep(layout.ADMISSION, present)
        content = _content(present, known, checks)
        write_json(layout.ADMISSION / "admission.json", content)
    except (ValueError, OSError) as error:
        print(f"admit: {error}")
        return status_of(error)
    if as_json:
        print(json.dumps(content, indent=2))
    else:
        Console().print(_table(checks))
        print(f"{'admitted' if content['admitted'] else 'refused'}: {content['why']}")
    return 0 if content["admitted"] else REFUSED


def _present(params: Params) -> Videos:
    rejects = [row for path in (layout.INDEX_REJECTS, layout.DECODE_REJECTS) for row in read_rows(path, Reject)]
    clips, flags = read_rows(layout.DECODED_CLIPS, DecodedClip), read_rows(layout.COINCIDENCE, ClipCoincidence)
    return describe(clips, flags, rejects, sample_rate_hz=params.clip.sample_rate_hz)


def _content(present: Videos, known: Videos | None, checks: Sequence[Check]) -> dict[str, object]:
    before = {video.video_id for video in known.taken} if known else set[str]()
    reasons = [f"{c.name} {c.found:.3g}, at most {c.bound:g} ({c.note})" for c in checks if c.refused]
    return {
        "admitted": not reasons,
        "why": "; ".join(reasons) or "nothing is beyond its bound",
        "videos": len(present.taken),
        "new": sum(video.video_id not in before for video in present.taken),
        "checks": [asdict(check) for check in checks],
    }


def _table(checks: Sequence[Check]) -> Table:
    table = Table(box=None, pad_edge=False)
    for column in ("check", "found", "bound", "", "what"):
        table.add_column(column, justify="right" if column in ("found", "bound") else "left", overflow="fold")
    for check in checks:
        found = "-" if check.found is None else f"{check.found:.3g}"
        table.add_row(check.name, found, f"{check.bound:g}", "REFUSED" if check.refused else "", check.note)
    return table
