"""Correlations and summaries by hand."""

import pytest
import torch

from stages.metrics.agreement import ClipAgreement, agree, mean_agreement, summarise_agreement

RANDOM = torch.Generator().manual_seed(3)


def _points(cells: torch.Tensor) -> torch.Tensor:
    """A map at 48 x 48 points whose means over cells are these."""
    return cells.repeat_interleave(48 // cells.shape[0], 0).repeat_interleave(48 // cells.shape[1], 1)


def test_any_rising_function_of_the_map_agrees_and_any_falling_one_does_not() -> None:
    ranks = torch.randperm(36, generator=RANDOM).reshape(6, 6).float()
    assert agree(torch.exp(ranks / 7), _points(ranks)) == 1
    assert agree(-(ranks**3), _points(ranks)) == -1


def test_correlation_of_ranks_by_hand() -> None:
    volume = torch.tensor([[1.0, 2.0], [3.0, 4.0]])
    ranks = torch.tensor([[0.0, 5.0], [1.0, 9.0]])  # ranks 1 3 2 4: 1 - 6 * 2 / (4 * 15)
    assert agree(volume, _points(ranks)) == pytest.approx(0.8)
    tied = torch.tensor([[0.0, 0.0], [1.0, 9.0]])  # ranks 1.5 1.5 3 4 against 1 2 3 4
    assert agree(volume, _points(tied)) == pytest.approx(4.5 / (4.5 * 5) ** 0.5, abs=1e-6)


def test_points_of_a_cell_count_by_their_mean() -> None:
    ranks = _points(torch.zeros(2, 2))
    ranks[3, 40] = 7.0  # one point of the cell at the upper right
    volume = torch.tensor([[1.0, 2.0], [1.0, 1.0]])
    assert agree(volume, ranks) == 1


def test_flat_maps_and_volumes_have_no_correlation() -> None:
    ranks = torch.rand(48, 48, generator=RANDOM)
    assert agree(torch.ones(4, 4), ranks) is None
    assert agree(torch.rand(4, 4, generator=RANDOM), torch.zeros(48, 48)) is None


def test_volumes_that_know_nothing_agree_with_nothing_on_average() -> None:
    found = [agree(torch.rand(6, 6, generator=RANDOM), torch.rand(48, 48, generator=RANDOM)) or 0.0 for _ in range(200)]
    assert abs(sum(found) / len(found)) < 3 / (200 * 35) ** 0.5


def _clip(number: int, own: float | None, other: float | None = 0.0) -> ClipAgreement:
    return ClipAgreement(f"clip{number}", f"video{number // 2}", own, other)


def test_means_differences_and_counts_by_hand() -> None:
    start = [_clip(0, 0.0), _clip(1, 0.1), _clip(2, -0.1), _clip(3, None), _clip(4, 0.3)]
    after = [_clip(0, 0.6, 0.2), _clip(1, 0.4, 0.1), _clip(2, 0.5), _clip(3, 0.9), _clip(4, None)]
    found = summarise_agreement(after, start, resamples=200, seed=1)
    assert (found["own"], found["other"], found["over_other"], found["gain"]) == (0.5, 0.1, 0.4, 0.5)
    assert (found["n"], found["n_videos"], found["flat"]) == (3, 2, 2)
    # two videos: every resample is the first alone, both, or the second alone
    assert (found["own_low"], found["own_high"]) == (0.5, 0.5)
    assert (found["gain_low"], found["gain_high"]) == (0.45, 0.6)
    assert mean_agreement(after) == pytest.approx(0.6)


def test_one_video_says_nothing_of_others_and_none_at_all_nothing() -> None:
    one = summarise_agreement([_clip(0, 0.5)], [_clip(0, 0.0)], resamples=100, seed=1)
    assert (one["own"], one["own_low"], one["n_videos"]) == (0.5, None, 1)
    none = summarise_agreement([_clip(0, None)], [_clip(0, 0.0)], resamples=100, seed=1)
    assert (none["own"], none["gain_high"], none["n"], none["flat"]) == (None, None, 0, 1)
    assert mean_agreement([_clip(0, None)]) is None
