"""From rows of scores to means, medians, intervals and counts."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from stages.metrics.bootstrap import clustered_interval

RATIOS = ("si_sdri", "si_sdr", "sdr", "sir", "sar")
METRICS = (*RATIOS, "matched")
SWAPPED = "swapped_vision"  # control <model>:swapped_vision: shown the partner's pictures
THRESHOLD = "threshold_"  # control <model>:threshold_<t>: masks that are 1 where the soft mask is above t
BEST_ORDER = ("nmf_mfcc", "rpca")  # see no picture, so put in the order that suits the truth best
_DECIMALS = 6

Columns = dict[str, list[Any]]
Summary = dict[str, Any]  # what `summarise_rows` gives
ByKind = dict[str, Summary]


def summarise(columns: Columns, *, resamples: int, seed: int) -> dict[str, ByKind]:
    """Summaries by estimator and kind of mix.

    Args:
        columns: Scores as `stages.metrics.scores.score_mix` gives them.
        resamples: Of the bootstrap.
        seed: Of the bootstrap.
    """
    summaries: dict[str, ByKind] = {}
    for (estimator, kind), part in split_rows(columns, "estimator", "kind").items():
        summaries.setdefault(estimator, {})[kind] = summarise_rows(part, resamples=resamples, seed=seed)
    return summaries


def summarise_labels(columns: Columns, *, resamples: int, seed: int) -> dict[str, dict[str, ByKind]]:
    """Summaries by estimator, kind of mix and label of the source; without labels there are none."""
    summaries: dict[str, dict[str, ByKind]] = {}
    for (estimator, kind, label), part in sorted(split_rows(columns, "estimator", "kind", "label").items(), key=str):
        if label is not None:
            by_label = summaries.setdefault(estimator, {}).setdefault(kind, {})
            by_label[label] = summarise_rows(part, resamples=resamples, seed=seed)
    return summaries


def split_rows(columns: Columns, *keys: str) -> dict[tuple[Any, ...], Columns]:
    """Rows that agree in all key columns, by their values, in order of first appearance."""
    rows: dict[tuple[Any, ...], list[int]] = {}
    for row, key in enumerate(zip(*(columns[name] for name in keys), strict=True)):
        rows.setdefault(key, []).append(row)
    return {key: select(columns, chosen) for key, chosen in rows.items()}


def select(columns: Columns, rows: Sequence[int]) -> Columns:
    """These rows of a table."""
    return {name: [values[row] for row in rows] for name, values in columns.items()}


def summarise_rows(columns: Columns, *, resamples: int, seed: int) -> Summary:
    """One estimator on one kind of mix.

    Returns:
        For each of METRICS (dB; `matched` is a share): `<metric>` (mean over rows), `<metric>_median`, and
        `<metric>_low`, `<metric>_high`, the ends of a 95 % bootstrap interval of the mean, clustered by source video
        (None with fewer than two videos); None where a metric was not taken. `chance`: what `matched` is for estimates
        that are equal for all pictures. Counts: `n` mixes, `n_rows` scored (mix, source) rows, `n_videos`,
        `silent_references` (left out of all means), `silent_estimates` (in them, at the floor).
    """
    scored = select(columns, [row for row, value in enumerate(columns["si_sdr"]) if value is not None])
    metrics: Summary = {}
    for suffix, values in _statistics(scored, resamples=resamples, seed=seed).items():
        # + 0.0 turns -0.0 into 0.0
        metrics |= {f"{name}{suffix}": None if np.isnan(v) else round(float(v), _DECIMALS) + 0.0 for name, v in values}
    return metrics | {
        "chance": round(1 / (max(columns["source"]) + 1), _DECIMALS),
        "n": len(set(scored["mix_id"])),
        "n_rows": len(scored["mix_id"]),
        "n_videos": len(set(scored["video_id"])),
        "silent_references": len(columns["si_sdr"]) - len(scored["si_sdr"]),
        "silent_estimates": sum(scored["silent_estimate"]),
    }


def _statistics(scored: Columns, *, resamples: int, seed: int) -> dict[str, list[tuple[str, float]]]:
    """Pairs of metric and value by the suffix of the statistic; NaN where there is none."""
    values = np.array([scored[name] for name in METRICS], dtype=np.float64).T.reshape(-1, len(METRICS))
    nothing = np.full(len(METRICS), np.nan)
    statistics = dict.fromkeys(("", "_median", "_low", "_high"), nothing)
    if len(values):
        statistics |= {"": values.mean(axis=0), "_median": np.median(values, axis=0)}
    interval = clustered_interval(values, scored["video_id"], resamples=resamples, seed=seed)
    if interval is not None:
        statistics |= {"_low": interval[0], "_high": interval[1]}
    return {suffix: list(zip(METRICS, row.tolist(), strict=True)) for suffix, row in statistics.items()}
