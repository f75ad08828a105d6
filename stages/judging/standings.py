"""Registered versions on equal ground: the same mixes, the same masks, and how each stands to its model's champion."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from stages.judging.comparison import ALL, TAIL, KindRow, Side, hold_together
from stages.metrics.pairing import rows_of
from stages.metrics.shared_mixes import estimate, members
from stages.metrics.summary import Columns, select, split_rows
from stages.tracking.server import Client, reason
from stages.tracking.standing import scores_on
from stages.tracking.versions import CHAMPION, Version, find_alias


@dataclass(frozen=True, slots=True)
class Score:
    """SI-SDR, dB, on one kind of mix with its 95 % interval (None: too few videos); `num_silent` estimates in it."""

    kind: str
    num_mixes: int
    num_videos: int
    mean_db: float
    low_db: float | None
    high_db: float | None
    num_silent: int


@dataclass(frozen=True, slots=True)
class Standing:
    """One version; `gain` is its difference to the champion on all mixes, None for the champion and where none is."""

    version: Version
    scores: tuple[Score, ...]  # of all kinds, then of each; none where it was not scored on this ground
    gain: KindRow | None
    lacking: str  # why there are no scores; empty where there are


def standings(client: Client, versions: Sequence[Version], mixes: str, mask: str) -> list[Standing]:
    """Each version on the ground of `mixes` (sha256) and `mask`: who stands highest comes first, the unscored last.

    A version whose scores are damaged is one without scores: the others are told all the same.
    """
    champions = {model: find_alias(client, model, CHAMPION) for model in {version.model for version in versions}}
    wanted = [*versions, *(champion for champion in champions.values() if champion is not None)]
    found = {version.address: _rows(client, version, mixes, mask) for version in wanted}
    told = [_standing(version, found, champions[version.model]) for version in versions]
    return sorted(told, key=lambda standing: (standing.version.model, -_height_db(standing)))


def as_json(standing: Standing) -> dict[str, Any]:
    """What machines read: address, aliases, verdict, scores and what is lacking."""
    version, gain = standing.version, standing.gain
    names = ("kind", "num_mixes", "num_videos", "mean_db", "low_db", "high_db", "num_silent")
    return {
        "address": version.address,
        "model": version.model,
        "aliases": version.aliases,
        "verdict": version.tags.get("verdict"),
        "created_ms": version.created_ms,
        "scores": [{name: getattr(score, name) for name in names} for score in standing.scores],
        "over_champion_db": None if gain is None else [gain.difference_db, gain.low_db, gain.high_db],
        "lacking": standing.lacking,
    }


def _rows(client: Client, version: Version, mixes: str, mask: str) -> Columns | str:
    """Rows of a version's scores, or why there are none."""
    try:
        columns = scores_on(client, version, mixes, mask)
        rows = None if columns is None else rows_of(columns, version.model, None)
    except Exception as error:  # whatever the store of one damaged version makes of it
        return reason(error)
    if rows is None:
        return "not scored on these mixes"
    return rows if any(value is not None for value in rows["si_sdr"]) else "every reference is silent"


def _standing(version: Version, found: Mapping[str, Columns | str], champion: Version | None) -> Standing:
    rows = found[version.address]
    if isinstance(rows, str):
        return Standing(version, (), None, rows)
    theirs = None if champion is None or champion.address == version.address else found[champion.address]
    gain = None if theirs is None or isinstance(theirs, str) else _gain(rows, theirs)
    return Standing(version, tuple(_scores(rows)), gain, "")


def _gain(rows: Columns, theirs: Columns) -> KindRow:
    sides = [Side("", columns, {}, {}) for columns in (rows, theirs)]
    return hold_together(*sides, num_apart=0).kinds[0]


def _scores(rows: Columns) -> Iterator[Score]:
    heard = select(rows, [row for row, value in enumerate(rows["si_sdr"]) if value is not None])
    parts = {kind: part for (kind,), part in split_rows(heard, "kind").items()}
    for kind, part in ({ALL: heard} | parts).items():
        values = np.array(part["si_sdr"], dtype=np.float64)
        mean = estimate(values, part, members(rows)) if len(values) else None
        yield Score(
            kind=kind,
            num_mixes=len(set(part["mix_id"])),
            num_videos=len(set(part["video_id"])),
            mean_db=float(values.mean()),
            low_db=None if mean is None else mean.lower_db(TAIL),
            high_db=None if mean is None else mean.upper_db(TAIL),
            num_silent=sum(part["silent_estimate"]),
        )


def _height_db(standing: Standing) -> float:
    return standing.scores[0].mean_db if standing.scores else -np.inf
