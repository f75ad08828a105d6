"""Ideal masks by their definition."""

import pytest
import torch
from torch.testing import assert_close

from stages.audio.masks import apply, binary_masks, ratio_masks


@pytest.mark.parametrize("num_sources", [2, 3, 4])
def test_binary_masks_are_one_hot_at_the_loudest(num_sources: int) -> None:
    magnitudes = torch.rand(5, num_sources, 6, 7, generator=torch.Generator().manual_seed(num_sources))
    found = binary_masks(magnitudes)
    assert torch.equal(found.sum(dim=1), torch.ones(5, 6, 7))
    assert torch.equal((found * magnitudes).sum(dim=1), magnitudes.amax(dim=1))


def test_the_lowest_index_wins_a_tie_and_silence() -> None:
    magnitudes = torch.tensor([0.0, 0.0, 0.0, 1.0, 2.0, 2.0]).reshape(2, 3).T.reshape(3, 2, 1)
    assert_close(binary_masks(magnitudes)[..., 0], torch.tensor([[1.0, 0.0], [0.0, 1.0], [0.0, 0.0]]))


def test_ratio_masks_restore_the_magnitudes_and_sum_to_one_for_sources_in_phase() -> None:
    magnitudes = 0.1 + torch.rand(2, 3, 4, 5, generator=torch.Generator().manual_seed(1))
    mixture = magnitudes.sum(dim=1)
    found = ratio_masks(magnitudes, mixture)
    assert_close(found.sum(dim=1), torch.ones(2, 4, 5))
    assert_close(found * mixture[:, None], magnitudes)


def test_ratio_exceeds_one_where_sources_cancel_and_stays_finite_in_silence() -> None:
    magnitudes = torch.tensor([2.0, 0.0, 1.0, 0.0]).reshape(2, 2, 1)  # (N, F, T); the first bin is 2 - 1
    found = ratio_masks(magnitudes, torch.tensor([[1.0], [0.0]]))
    assert_close(found[..., 0], torch.tensor([[2.0, 0.0], [1.0, 0.0]]))


def test_apply_scales_the_mixture_and_keeps_its_phase() -> None:
    mixture = torch.tensor([[3.0 + 4.0j, -2.0j]])
    masks = torch.tensor([[[0.5, 1.0]], [[0.0, 0.25]]])
    assert_close(apply(masks, mixture), torch.tensor([[[1.5 + 2.0j, -2.0j]], [[0.0j, -0.5j]]]))
