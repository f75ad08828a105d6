"""Two scored models side by side: by kind of mix, in params and data, and where they differ most."""

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import groupby

import numpy as np

from stages.metrics.pairing import pair
from stages.metrics.shared_mixes import estimate, members
from stages.metrics.summary import Columns, select, split_rows

TAIL = 0.975  # of each side of a 95 % interval
ALL = "all kinds"


@dataclass(frozen=True, slots=True)
class Side:
    """One of the two: its rows of scores, and what is known of how it came about."""

    label: str
    rows: Columns
    params: Mapping[str, str]
    tags: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class KindRow:
    """SI-SDR, dB, of both on one kind of mix; first minus second with a 95 % interval (None: too few videos)."""

    kind: str
    num_mixes: int
    num_videos: int
    first_db: float
    second_db: float
    difference_db: float
    low_db: float | None
    high_db: float | None


@dataclass(frozen=True, slots=True)
class Change:
    """A param or tag that is not the same."""

    name: str
    first: str
    second: str


@dataclass(frozen=True, slots=True)
class Apart:
    """A mix on which the two differ: mean SI-SDR over its sources, dB."""

    mix_id: str
    kind: str
    labels: tuple[str, ...]
    first_db: float
    second_db: float


@dataclass(frozen=True, slots=True)
class Comparison:
    """What there is to say about two sides, first minus second."""

    first: str
    second: str
    kinds: tuple[KindRow, ...]
    params: tuple[Change, ...]
    tags: tuple[Change, ...]
    apart: tuple[Apart, ...]  # those that differ most come first


def hold_together(first: Side, second: Side, *, num_apart: int) -> Comparison:
    """Compare two sides that were scored on the same mixes; `PairingError` where they were not.

    Args:
        first: One side.
        second: What it is held against.
        num_apart: How many of the mixes to name on which they differ most.
    """
    ours, theirs = pair(first.rows, second.rows)
    parts = {kind: rows for (kind,), rows in split_rows(_both(ours, theirs), "kind").items()}
    named = [*((ALL, _both(ours, theirs)) for _ in range(len(parts) > 1)), *parts.items()]
    return Comparison(
        first=first.label,
        second=second.label,
        kinds=tuple(_kind(kind, rows, members(first.rows)) for kind, rows in named),
        params=_changes(first.params, second.params),
        tags=_changes(first.tags, second.tags),
        apart=_apart(_both(ours, theirs))[:num_apart],
    )


def _both(ours: Columns, theirs: Columns) -> Columns:
    return ours | {"theirs": theirs["si_sdr"]}


def _kind(kind: str, rows: Columns, videos_of: Mapping[str, frozenset[str]]) -> KindRow:
    gain = np.subtract(rows["si_sdr"], rows["theirs"])
    mean = estimate(gain, rows, videos_of)
    return KindRow(
        kind=kind,
        num_mixes=len(set(rows["mix_id"])),
        num_videos=len(set(rows["video_id"])),
        first_db=float(np.mean(rows["si_sdr"])),
        second_db=float(np.mean(rows["theirs"])),
        difference_db=float(gain.mean()),
        low_db=None if mean is None else mean.lower_db(TAIL),
        high_db=None if mean is None else mean.upper_db(TAIL),
    )


def _changes(first: Mapping[str, str], second: Mapping[str, str]) -> tuple[Change, ...]:
    names = sorted(first.keys() | second.keys())
    pairs = [Change(name, first.get(name, "none"), second.get(name, "none")) for name in names]
    return tuple(change for change in pairs if change.first != change.second)


def _apart(rows: Columns) -> tuple[Apart, ...]:
    """All mixes, those that differ most first; rows of a mix stand together."""
    found: list[Apart] = []
    for mix_id, positions in groupby(range(len(rows["mix_id"])), key=lambda row: rows["mix_id"][row]):
        part = select(rows, list(positions))
        labels = tuple(str(label or "?") for label in part["label"])
        means = float(np.mean(part["si_sdr"])), float(np.mean(part["theirs"]))
        found.append(Apart(mix_id, part["kind"][0], labels, *means))
    return tuple(sorted(found, key=lambda mix: (-abs(mix.first_db - mix.second_db), mix.mix_id)))
