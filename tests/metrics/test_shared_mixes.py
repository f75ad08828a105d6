"""Bounds of a mean against closed forms and against worlds that are drawn many times."""

import math
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.stats import t as student

from stages.metrics.shared_mixes import Mean, estimate, members
from tests.synth.contests import design


def rows_of(mixes: list[tuple[str, ...]]) -> dict[str, list[Any]]:
    return {
        "mix_id": [f"mix{n}" for n, videos in enumerate(mixes) for _ in videos],
        "video_id": [video for videos in mixes for video in videos],
    }


def found(values: NDArray[np.float64], rows: dict[str, list[Any]]) -> Mean:
    mean = estimate(values, rows, members(rows))
    assert mean is not None
    return mean


def test_mixes_that_share_nothing_give_the_plain_error_of_their_means() -> None:
    rows = rows_of([(f"a{n}", f"b{n}") for n in range(30)])
    means = np.random.default_rng(1).normal(0.3, 2, 30)
    mean = found(np.repeat(means, 2), rows)
    assert mean.mean_db == pytest.approx(means.mean())
    assert mean.error_db == pytest.approx(means.std(ddof=1) / math.sqrt(30))
    assert (mean.degrees, mean.num_videos) == (pytest.approx(30), 60)
    assert mean.lower_db(0.95) == pytest.approx(means.mean() - student.ppf(0.95, 30) * mean.error_db)


def test_a_plain_double_loop_over_mixes_with_a_common_video_gives_the_same_error() -> None:
    mixes = [(f"v{n}", f"v{n + 1}") for n in range(20)]  # a chain: each mix shares with its neighbours alone
    rows = rows_of(mixes)
    # What neighbours share outweighs the rest, so the first of the three variances is the largest.
    effects = np.random.default_rng(3).normal(0, 2, 21)
    values = np.array([(effects[n] + effects[n + 1]) for n in range(20) for _ in range(2)])
    residual = (values - values.mean()).reshape(20, 2).sum(axis=1)
    pairs = [(a, b) for a in range(20) for b in range(20) if set(mixes[a]) & set(mixes[b])]
    free = 1 - len(pairs) * 4 / 40**2
    expected = sum(residual[a] * residual[b] for a, b in pairs) / free
    mean = found(values, rows)
    assert mean.error_db == pytest.approx(math.sqrt(expected) / 40)
    assert mean.degrees == pytest.approx(1 / (1 - free))


@pytest.mark.parametrize(("of_video", "of_mix"), [(2.0, 0.0), (0.0, 2.0), (1.5, 1.5)])
def test_the_error_is_the_deviation_of_the_mean_over_many_draws(of_video: float, of_mix: float) -> None:
    world = design(seed=4)
    drawn = [found(world.draw(seed, of_video_db=of_video, of_mix_db=of_mix), world.rows) for seed in range(150)]
    true_error_db = np.std([mean.mean_db for mean in drawn])
    assert np.sqrt(np.mean([mean.error_db**2 for mean in drawn])) == pytest.approx(true_error_db, rel=0.25)


def test_nothing_is_said_of_one_video_or_of_mixes_that_all_share_videos() -> None:
    one = rows_of([("only", "only")] * 5)
    assert estimate(np.ones(10), one, members(one)) is None
    knot = rows_of([("hub", f"v{n}") for n in range(8)])
    assert estimate(np.arange(16.0), knot, members(knot)) is None


def test_partners_that_have_no_row_here_still_tie_their_mixes_together() -> None:
    rows = rows_of([(f"a{n}",) for n in range(12)])
    apart = {f"mix{n}": frozenset({f"a{n}", f"p{n}"}) for n in range(12)}
    tied = {f"mix{n}": frozenset({f"a{n}", f"p{n // 2}"}) for n in range(12)}
    values = np.repeat(np.random.default_rng(5).normal(size=6), 2)
    loose, close = (estimate(values, rows, videos_of) for videos_of in (apart, tied))
    assert loose is not None and close is not None
    assert close.error_db > 1.3 * loose.error_db
    assert close.degrees < loose.degrees


def test_power_and_the_error_that_is_needed_for_it_agree() -> None:
    mean = Mean(mean_db=0.0, error_db=0.3, degrees=20.0, num_videos=100)
    needed_db = mean.error_to_show_db(0.5, confidence=0.95, power=0.8)
    assert Mean(0.0, needed_db, 20.0, 100).power(0.5, confidence=0.95) == pytest.approx(0.8)
    assert Mean(0.0, 0.0, 20.0, 100).power(0.5, confidence=0.95) == 1
    assert mean.power(0.0, confidence=0.95) == pytest.approx(0.05)
