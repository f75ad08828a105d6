"""From rows of scores to means, medians, intervals and counts."""

from typing import Any

import numpy as np

from stages.metrics.bootstrap import clustered_interval

METRICS = ("si_sdri", "si_sdr", "sdr", "sir", "sar")
_DECIMALS = 6

Columns = dict[str, list[Any]]
Summary = dict[str, Any]  # what `summarise_rows` gives
ByKind = dict[str, Summary]


def summarise(columns: Columns, *, resamples: int, seed: int) -> dict[str, ByKind]:
    """Summaries by estimator and kind of mix.

    Args:
        columns: Scores as `stages.metrics.scores.score_mixes` gives them.
        resamples: Of the bootstrap.
        seed: Of the bootstrap.
    """
    rows: dict[tuple[str, str], list[int]] = {}
    for row, key in enumerate(zip(columns["estimator"], columns["kind"], strict=True)):
        rows.setdefault(key, []).append(row)
    summaries: dict[str, ByKind] = {}
    for (estimator, kind), chosen in rows.items():
        part = {name: [values[row] for row in chosen] for name, values in columns.items()}
        summaries.setdefault(estimator, {})[kind] = summarise_rows(part, resamples=resamples, seed=seed)
    return summaries


def summarise_rows(columns: Columns, *, resamples: int, seed: int) -> Summary:
    """One estimator on one kind of mix.

    Returns:
        For each of METRICS, dB: `<metric>` (mean over rows), `<metric>_median`, and `<metric>_low`, `<metric>_high`,
        the ends of a 95 % bootstrap interval of the mean, clustered by source video (None with fewer than two videos).
        Counts: `n` mixes, `n_rows` scored (mix, source) rows, `n_videos`, `silent_references` (left out of all means),
        `silent_estimates` (in them, at the floor).
    """
    scored = [row for row, value in enumerate(columns["si_sdr"]) if value is not None]
    videos = [columns["video_id"][row] for row in scored]
    values = np.array([[columns[name][row] for name in METRICS] for row in scored]).reshape(-1, len(METRICS))
    interval = clustered_interval(values, videos, resamples=resamples, seed=seed)
    statistics = {
        "": values.mean(axis=0) if scored else None,
        "_median": np.median(values, axis=0) if scored else None,
        "_low": None if interval is None else interval[0],
        "_high": None if interval is None else interval[1],
    }
    ratios = {
        f"{name}{suffix}": None if statistic is None else round(float(statistic[position]), _DECIMALS) + 0.0  # no -0.0
        for suffix, statistic in statistics.items()
        for position, name in enumerate(METRICS)
    }
    return ratios | {
        "n": len({columns["mix_id"][row] for row in scored}),
        "n_rows": len(scored),
        "n_videos": len(set(videos)),
        "silent_references": len(columns["si_sdr"]) - len(scored),
        "silent_estimates": sum(columns["silent_estimate"]),
    }
