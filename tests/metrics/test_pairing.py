import numpy as np
import pytest

from stages.metrics.pairing import PairingError, compare, rows_of
from stages.metrics.summary import Columns, select
from tests.synth.signals import score_columns

SETTINGS = {"resamples": 500, "seed": 1}


def columns_of(values: list[float | None], estimator: str = "pixels") -> Columns:
    return score_columns(estimator, values)


def test_the_difficulty_of_the_mixes_cancels_whatever_the_order_of_the_rows() -> None:
    difficulty = np.random.default_rng(1).normal(0, 10, 60)
    second = columns_of(difficulty.tolist())
    first = select(columns_of((difficulty + 0.5).tolist()), list(range(60))[::-1])
    found = compare(first, second, **SETTINGS)
    assert (found.num_mixes, found.num_rows, found.num_videos) == (30, 60, 60)
    for difference in found.differences.values():
        assert (difference.mean_db, difference.low_db, difference.high_db) == pytest.approx((0.5, 0.5, 0.5))
        assert difference.p == pytest.approx(1 / 501)


def test_the_interval_is_wider_where_rows_share_their_video() -> None:
    values = np.repeat(np.random.default_rng(2).normal(0.3, 1, 8), 10)
    first, second = columns_of(values.tolist()), columns_of([0.0] * 80)
    shared = {"video_id": [f"video{row // 10}" for row in range(80)]}
    apart, together = (compare(first | more, second | more, **SETTINGS) for more in ({}, shared))
    assert (apart.num_videos, together.num_videos) == (80, 8)
    widths = [d.high_db - d.low_db for d in (apart.differences["sdr"], together.differences["sdr"])]  # pyright: ignore
    assert widths[1] > 2 * widths[0]


def test_a_better_first_has_a_small_p_and_the_other_way_round_a_large_one() -> None:
    noise = np.random.default_rng(3).normal(0, 1, 40)
    better, worse = columns_of((noise + 0.6).tolist()), columns_of([0.0] * 40)
    for pair, low, high in (((better, worse), 0, 0.05), ((worse, better), 0.95, 1)):
        p = compare(*pair, **SETTINGS).differences["si_sdr"].p
        assert p is not None
        assert low <= p <= high


def test_silent_references_and_metrics_not_taken_are_left_out() -> None:
    first, second = columns_of([1.0, None, 3.0, 4.0]), columns_of([0.0, None, 0.0, 0.0])
    found = compare(first, second | {"sdr": [None] * 4}, **SETTINGS)
    assert (found.num_rows, list(found.differences)) == (3, ["si_sdr"])


def test_other_mixes_are_refused_with_counts() -> None:
    first, second = columns_of([1.0] * 6), columns_of([1.0] * 4)
    with pytest.raises(PairingError, match="2 are common, 1 only the first's, 0 only the second's"):
        compare(first, second, **SETTINGS)
    other_clips = second | {"clip_id": ["x"] * 4}
    with pytest.raises(PairingError, match="not the same mixes"):
        compare(second, other_clips, **SETTINGS)


def test_rows_are_chosen_by_estimator_and_kind_and_absence_says_what_is_there() -> None:
    parts = [columns_of([1.0, 2.0]), score_columns("pixels", [3.0, 4.0], kind="same2"), columns_of([5.0] * 2, "rpca")]
    columns = {name: [value for part in parts for value in part[name]] for name in parts[0]}
    assert rows_of(columns, "pixels", None)["sdr"] == [1, 2, 3, 4]
    assert rows_of(columns, "pixels", "same2")["sdr"] == [3, 4]
    with pytest.raises(PairingError, match="rpca was not scored on kind same2; there are different2"):
        rows_of(columns, "rpca", "same2")
    with pytest.raises(PairingError, match="motions is not there; there are pixels, rpca"):
        rows_of(columns, "motions", None)
