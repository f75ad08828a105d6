"""Ideal masks by their definition."""

import pytest
import torch
from torch.testing import assert_close

from stages.audio.masks import apply, best_gates, binary_gates, binary_masks, ratio_gates, ratio_masks


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


def _spectra(*shape: int) -> torch.Tensor:
    return torch.randn(*shape, dtype=torch.complex64, generator=torch.Generator().manual_seed(3))


def test_a_gate_goes_to_the_source_with_the_most_energy_in_the_frame() -> None:
    magnitudes = torch.tensor([[[3.0, 0.0], [0.0, 1.0]], [[2.0, 0.5], [2.5, 0.5]]])  # (N, F, T): 9 < 4 + 6.25, 1 > .5
    assert_close(binary_gates(magnitudes), torch.tensor([[[0.0, 1.0]], [[1.0, 0.0]]]))


def test_ratio_gates_give_each_frame_its_source_s_level() -> None:
    spectra = _spectra(2, 5, 7)
    mixture = spectra.sum(dim=0)
    gated = apply(ratio_gates(spectra.abs(), mixture.abs()), mixture)
    assert_close(gated.abs().square().sum(dim=-2), spectra.abs().square().sum(dim=-2))
    assert_close(ratio_gates(torch.zeros(2, 5, 1), torch.zeros(5, 1)), torch.zeros(2, 1, 1))


def test_no_other_gain_comes_closer_than_the_best_one() -> None:
    spectra = _spectra(3, 2, 5, 7)  # three batches of two sources
    mixture = spectra.sum(dim=1)
    best = best_gates(spectra, mixture)
    assert best.shape == (3, 2, 1, 7)

    def distance(gains: torch.Tensor) -> torch.Tensor:
        return (apply(gains, mixture) - spectra).abs().square().sum(dim=-2, keepdim=True)

    others = (
        best + 0.01,
        (best - 0.01).clamp_min(0),
        binary_gates(spectra.abs()),
        ratio_gates(spectra.abs(), mixture.abs()),
    )
    assert all(bool((distance(best) <= distance(other) + 1e-5).all()) for other in others)


def test_the_best_gate_of_parts_of_one_sound_is_their_share() -> None:
    shares = torch.tensor([0.2, 0.8])
    sound = _spectra(5, 7)
    assert_close(best_gates(shares[:, None, None] * sound, sound), shares[:, None, None].expand(2, 1, 7))
    assert_close(best_gates(-sound[None], sound), torch.zeros(1, 1, 7))  # no gain below 0 turns a phase
