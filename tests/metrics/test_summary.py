import statistics

import pytest

from stages.metrics.summary import RATIOS, summarise, summarise_labels, summarise_rows
from tests.synth.signals import score_columns

VALUES: list[float | None] = [1.0, 2.0, 6.0, None, -100.0, 3.0]


def test_means_count_floors_and_leave_out_silent_references() -> None:
    summary = summarise_rows(score_columns("pixels", VALUES), resamples=200, seed=1)
    scored = [value for value in VALUES if value is not None]
    for name in RATIOS:
        assert summary[name] == pytest.approx(statistics.mean(scored))
        assert summary[f"{name}_median"] == pytest.approx(statistics.median(scored))
        assert summary[f"{name}_low"] < summary[name] < summary[f"{name}_high"]
    counts = {name: summary[name] for name in ("n", "n_rows", "n_videos", "silent_references", "silent_estimates")}
    assert counts == {"n": 3, "n_rows": 5, "n_videos": 5, "silent_references": 1, "silent_estimates": 1}
    assert (summary["matched"], summary["chance"]) == (pytest.approx(0.9), 0.5)
    assert summary["matched_low"] < 0.9 < summary["matched_high"]


def test_a_metric_that_was_not_taken_is_none_and_the_others_stand() -> None:
    columns = score_columns("pixels:threshold_0.1", [1.0, 3.0, 5.0, None])
    whole = summarise_rows(columns, resamples=200, seed=1)
    partly = summarise_rows(columns | {"sdr": [None] * 4}, resamples=200, seed=1)
    taken = {name for name in whole if name.partition("_")[0] != "sdr"}
    assert {name: partly[name] for name in taken} == {name: whole[name] for name in taken}
    assert {partly[f"sdr{suffix}"] for suffix in ("", "_median", "_low", "_high")} == {None}


def test_labels_have_means_and_intervals_of_their_own() -> None:
    columns = score_columns("pixels", [1.0, 10.0, 3.0, 30.0])
    by_label = summarise_labels(columns, resamples=200, seed=1)["pixels"]["different2"]
    assert {label: summary["si_sdr"] for label, summary in by_label.items()} == {"label0": 2, "label1": 20}
    assert [(by_label["label1"][f"si_sdr_{end}"]) for end in ("low", "high")] == [10, 30]
    assert by_label["label0"]["n_videos"] == 2
    assert summarise_labels(columns | {"label": [None] * 4}, resamples=200, seed=1) == {}


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
