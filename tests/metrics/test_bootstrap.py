import numpy as np
import pytest

from stages.metrics.bootstrap import clustered_interval


def test_interval_of_many_clusters_follows_the_central_limit() -> None:
    values = np.random.default_rng(1).normal([3.0, -5.0], size=(400, 2))
    interval = clustered_interval(values, [str(row) for row in range(400)], resamples=4000, seed=1)
    assert interval is not None
    error = values.std(axis=0) / np.sqrt(400)
    np.testing.assert_allclose(interval, values.mean(axis=0) + 1.96 * np.array([[-1.0], [1.0]]) * error, atol=0.02)


def test_copies_of_a_video_do_not_narrow_the_interval() -> None:
    values = np.random.default_rng(2).standard_normal((20, 1))
    names = [f"video{row}" for row in range(20)]
    once = clustered_interval(values, names, resamples=500, seed=3)
    tenfold = clustered_interval(np.repeat(values, 10, axis=0), list(np.repeat(names, 10)), resamples=500, seed=3)
    assert once is not None and tenfold is not None
    np.testing.assert_allclose(once, tenfold, atol=1e-12)


def test_a_plain_loop_gives_the_same_interval_for_clusters_of_unequal_size() -> None:
    values, clusters = np.arange(7.0)[:, None] ** 2, ["a", "b", "b", "c", "c", "c", "a"]
    draws = np.random.default_rng(5).integers(3, size=(300, 3))
    rows = {name: [r for r, owner in enumerate(clusters) if owner == name] for name in "abc"}
    means = [np.mean([values[r, 0] for c in draw for r in rows["abc"[c]]]) for draw in draws]
    found = clustered_interval(values, clusters, resamples=300, seed=5)
    assert found is not None
    assert found[:, 0] == pytest.approx(np.quantile(means, [0.025, 0.975]))


def test_one_video_says_nothing_about_others() -> None:
    assert clustered_interval(np.ones((4, 1)), ["only"] * 4, resamples=100, seed=1) is None
    assert clustered_interval(np.empty((0, 1)), [], resamples=100, seed=1) is None
