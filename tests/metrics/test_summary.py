import statistics

import pytest

from stages.metrics.summary import METRICS, summarise, summarise_rows
from tests.synth.signals import score_columns

VALUES: list[float | None] = [1.0, 2.0, 6.0, None, -100.0, 3.0]


def test_means_count_floors_and_leave_out_silent_references() -> None:
    summary = summarise_rows(score_columns("pixels", VALUES), resamples=200, seed=1)
    scored = [value for value in VALUES if value is not None]
    for name in METRICS:
        assert summary[name] == pytest.approx(statistics.mean(scored))
        assert summary[f"{name}_median"] == pytest.approx(statistics.median(scored))
        assert summary[f"{name}_low"] < summary[name] < summary[f"{name}_high"]
    counts = {name: summary[name] for name in ("n", "n_rows", "n_videos", "silent_references", "silent_estimates")}
    assert counts == {"n": 3, "n_rows": 5, "n_videos": 5, "silent_references": 1, "silent_estimates": 1}


def test_nothing_scored_gives_none_and_counts() -> None:
    summary = summarise_rows(score_columns("pixels", [None, None]), resamples=200, seed=1)
    assert summary["si_sdr"] is summary["si_sdr_low"] is None
    assert (summary["n"], summary["silent_references"]) == (0, 2)


def test_estimators_and_kinds_are_kept_apart() -> None:
    parts = [score_columns(name, [level] * 4, kind=kind) for name, level, kind in _CASES]
    joined = {column: [value for part in parts for value in part[column]] for column in parts[0]}
    summaries = summarise(joined, resamples=100, seed=1)
    found = {(name, kind): summary["sdr"] for name, kinds in summaries.items() for kind, summary in kinds.items()}
    assert found == {(name, kind): level for name, level, kind in _CASES}


_CASES = [("mixture", 0.0, "different2"), ("mixture", -3.0, "different3"), ("pixels", 5.0, "different2")]
