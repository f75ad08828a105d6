"""The likelihood of onsets by hand; gradients go where a sound is seen."""

import math

import pytest
import torch
from torch import Tensor
from torch.testing import assert_close

from stages.networks.coincidence import OnsetNetwork, log_likelihoods, onset_targets

RANDOM = torch.Generator().manual_seed(6)


def _logit(p: float) -> float:
    return math.log(p / (1 - p))


def test_a_step_is_one_of_an_onset_the_nearer_it_is() -> None:
    steps_s = 0.1 + torch.arange(10, dtype=torch.float64) / 24
    found = onset_targets(steps_s[[2, 7]], steps_s)
    near = 1 - 1 / 24 / 0.125  # two thirds, then one third
    assert_close(
        found, torch.tensor([near - 1 / 3, near, 1, near, near - 1 / 3, near - 1 / 3, near, 1, near, near - 1 / 3])
    )


def test_between_coarse_steps_an_onset_is_shared_out() -> None:
    steps_s = torch.arange(4, dtype=torch.float64) / 4
    assert_close(onset_targets(torch.tensor([0.3125], dtype=torch.float64), steps_s), torch.tensor([0, 0.75, 0.25, 0]))
    assert_close(onset_targets(torch.tensor([]), steps_s), torch.zeros(4))
    assert_close(onset_targets(torch.tensor([0.05, 9.0]), torch.zeros(1)), torch.tensor([0.6]))


def test_one_cell_has_the_likelihood_of_independent_steps() -> None:
    p = torch.tensor([0.9, 0.2, 0.5, 0.7])
    sounds = torch.tensor([[1.0, 0, 0, 1], [0.0, 0, 0, 0], [0.25, 0, 0, 0]])
    found = log_likelihoods(torch.logit(p)[None, None], sounds)
    expected = [0.9 * 0.8 * 0.5 * 0.7, 0.1 * 0.8 * 0.5 * 0.3, 0.9**0.25 * 0.1**0.75 * 0.8 * 0.5 * 0.3]
    assert_close(found, torch.tensor(expected).log()[:, None])


def test_clips_have_the_mean_likelihood_of_their_cells() -> None:
    logits = torch.randn(3, 5, 4, generator=RANDOM)
    sounds = torch.bernoulli(torch.full((2, 4), 0.4), generator=RANDOM)
    p = torch.sigmoid(logits.double())
    heard = sounds.double()[:, None, None]
    cells = (heard * p + (1 - heard) * (1 - p)).prod(dim=-1)  # (N, M, C)
    assert_close(log_likelihoods(logits, sounds).double(), cells.mean(dim=-1).log(), atol=1e-5, rtol=1e-5)


def test_the_best_cell_counts_less_the_price_of_choosing_it() -> None:
    onsets = torch.tensor([1.0, 0, 1, 0, 1, 0])
    right = 30 * (2 * onsets - 1)
    logits = torch.stack([right, *[-right] * 8])[None]
    assert log_likelihoods(logits, onsets[None]).item() == pytest.approx(-math.log(9), abs=1e-4)


def test_the_constant_that_fits_best_is_the_rate_of_onsets() -> None:
    onsets = torch.tensor([[1.0, 0, 0, 0, 0]])
    found = {rate: log_likelihoods(torch.full((1, 3, 5), _logit(rate)), onsets).item() for rate in (0.1, 0.2, 0.3)}
    assert max(found, key=found.__getitem__) == 0.2
    assert found[0.2] == pytest.approx(math.log(0.2) + 4 * math.log(0.8), abs=1e-5)


def test_cells_learn_by_their_share_of_the_likelihood() -> None:
    onsets = torch.tensor([[0.0, 1, 0, 0]])
    logits = torch.zeros(1, 2, 4)
    logits[0, 0] = 4 * (2 * onsets[0] - 1)
    logits.requires_grad_()
    (-log_likelihoods(logits, onsets)).sum().backward()
    assert isinstance(logits.grad, Tensor)
    own = torch.sigmoid(torch.tensor(4.0)) ** 4  # likelihood of the cell that knows
    share = own / (own + 0.5**4)
    assert_close(logits.grad[0, 0], share * (torch.sigmoid(logits[0, 0]) - onsets[0]))
    assert_close(logits.grad[0, 1], (1 - share) * (torch.sigmoid(logits[0, 1]) - onsets[0]))


def test_the_network_begins_near_the_rate_of_onsets_and_sees_each_cell_by_itself() -> None:
    network = OnsetNetwork(3)
    assert_close(network(torch.zeros(2, 3, 7, 4, 5)), torch.full((2, 20, 7), _logit(0.15)))
    moves = torch.zeros(1, 3, 7, 4, 5)
    moves[0, :, 2, 3, 1] = torch.tensor([1.0, 2.0, -1.0])
    changed = (network(moves) - _logit(0.15)).abs() > 1e-6
    assert changed.nonzero().tolist() == [[0, 3 * 5 + 1, 2]]
