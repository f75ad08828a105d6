"""Is one estimator better than another? Differences on the same sounds, with an interval clustered by source video.

Two tables' means differ by the mixes' difficulty as well; the same mix scored twice does not.
"""

from dataclasses import dataclass

import numpy as np

from stages.metrics.bootstrap import clustered_interval, resampled_means
from stages.metrics.summary import Columns, select

METRICS = ("si_sdr", "sdr")


class PairingError(ValueError):
    """Two estimators cannot be compared: there is nothing to compare, or not the same."""


@dataclass(frozen=True, slots=True)
class Difference:
    """First minus second, of one metric.

    `p` is the one-sided bootstrap probability of the first being no better: of a mean difference of 0 or less among
    the resamples, (1 + count) / (1 + resamples). `low`, `high` and `p` are None with fewer than two videos.
    """

    mean_db: float
    low_db: float | None
    high_db: float | None
    p: float | None


@dataclass(frozen=True, slots=True)
class Comparison:
    """Differences by metric (a metric that either side lacks is left out), and what they rest on."""

    num_mixes: int
    num_rows: int
    num_videos: int
    differences: dict[str, Difference]


def rows_of(columns: Columns, estimator: str, kind: str | None) -> Columns:
    """Rows of one estimator on one kind of mix, or with None on all."""
    names, kinds = columns["estimator"], columns["kind"]
    chosen = [row for row, name in enumerate(names) if name == estimator and kind in (None, kinds[row])]
    if not chosen:
        theirs = {kinds[row] for row, name in enumerate(names) if name == estimator}
        lacking, there = ("was not scored on kind " + str(kind), theirs) if theirs else ("is not there", set(names))
        raise PairingError(f"{estimator} {lacking}; there are {', '.join(sorted(there))}")
    return select(columns, chosen)


def compare(first: Columns, second: Columns, *, resamples: int, seed: int) -> Comparison:
    """Compare two estimators' rows of the very same mixes; sounds with a silent reference are left out.

    Args:
        first: As `rows_of` gives them.
        second: The same, perhaps from another run.
        resamples: Of the bootstrap.
        seed: Of the bootstrap.
    """
    first, second = pair(first, second)
    taken = [name for name in METRICS if None not in (*first[name], *second[name])]
    differences = np.array([np.subtract(first[name], second[name]) for name in taken], dtype=np.float64).T
    videos = first["video_id"]
    interval = clustered_interval(differences, videos, resamples=resamples, seed=seed)
    means = resampled_means(differences, videos, resamples=resamples, seed=seed)
    found: dict[str, Difference] = {}
    for position, name in enumerate(taken):
        low, high = (None, None) if interval is None else interval[:, position].tolist()
        p = None if means is None else (1 + int((means[:, position] <= 0).sum())) / (1 + resamples)
        found[name] = Difference(float(differences[:, position].mean()), low, high, p)
    return Comparison(len(set(first["mix_id"])), len(videos), len(set(videos)), found)


def pair(first: Columns, second: Columns) -> tuple[Columns, Columns]:
    """Rows of the very same sounds in one order, without those whose reference is silent; else `PairingError`."""
    first, second = _sorted(first), _sorted(second)
    _check_same_mixes(first, second)
    scored = [row for row, value in enumerate(first["si_sdr"]) if None not in (value, second["si_sdr"][row])]
    if not scored:
        raise PairingError("nothing to compare: every reference is silent")
    return select(first, scored), select(second, scored)


def _sorted(columns: Columns) -> Columns:
    keys = list(zip(columns["mix_id"], columns["source"], strict=True))
    return select(columns, sorted(range(len(keys)), key=keys.__getitem__))


def _check_same_mixes(first: Columns, second: Columns) -> None:
    ours, theirs = set(first["mix_id"]), set(second["mix_id"])
    if ours != theirs or first["clip_id"] != second["clip_id"]:
        raise PairingError(
            f"not the same mixes: {len(ours & theirs)} are common, {len(ours - theirs)} only the first's, "
            f"{len(theirs - ours)} only the second's; a difference would be one of the mixes too. Name a kind that "
            f"both were scored on (--kind), or score both on the mixes of one `mixes` stage"
        )
