"""Losses in closed form."""

import math

import pytest
import torch
from torch.testing import assert_close

from stages.audio.logfreq import LogFrequency
from stages.audio.mixing import mix
from stages.audio.stft import Stft
from stages.training.losses import Spectra, correspondence_loss, mask_loss, spectra
from tests.synth.learning import SPECTROGRAM


def _heard() -> Spectra:
    sources = torch.rand(2, 2, 5, 6, generator=torch.Generator().manual_seed(1))
    return Spectra(sources.sum(dim=1), sources)


def test_undecided_logits_cost_log_2_whatever_the_weights() -> None:
    assert_close(mask_loss(torch.zeros(2, 2, 5, 6), _heard(), "binary", "independent").item(), math.log(2))


def test_the_ideal_binary_mask_costs_nothing_and_its_opposite_its_logit() -> None:
    heard = _heard()
    ideal = 2 * (heard.sources == heard.sources.amax(dim=1, keepdim=True)).float() - 1
    assert mask_loss(50 * ideal, heard, "binary", "independent") < 1e-6
    assert mask_loss(-50 * ideal, heard, "binary", "independent").item() == pytest.approx(50)


def test_competing_masks_cost_the_surprise_at_each_owner() -> None:
    sources = torch.tensor([[[[3.0]], [[1.0]], [[2.0]]]])  # of one bin: the first of three owns it
    logits = torch.log(torch.tensor([[[[0.5]], [[0.3]], [[0.2]]]])) + 7  # a constant changes no share
    heard = Spectra(sources.sum(dim=1), sources)
    assert_close(mask_loss(logits, heard, "binary", "competitive").item(), math.log(2))
    assert mask_loss(-logits, heard, "binary", "competitive") > math.log(2)


def test_correspondence_costs_log_of_the_number_of_clips_until_each_is_found() -> None:
    assert_close(correspondence_loss(torch.zeros(5, 5)).item(), math.log(5))
    assert correspondence_loss(50 * torch.eye(5)) < 1e-6
    assert correspondence_loss(50 * torch.eye(5).roll(1, 0)).item() == pytest.approx(50)


def test_bins_weigh_log1p_of_the_mixture() -> None:
    mixture = torch.tensor([[[math.e - 1], [math.e**3 - 1]]])  # weights 1 and 3
    heard = Spectra(mixture, torch.stack([mixture, torch.zeros_like(mixture)], dim=1))
    wrong_first = torch.tensor([[[[-40.0], [40.0]], [[40.0], [-40.0]]]])
    assert_close(mask_loss(wrong_first, heard, "binary", "independent").item(), 40 / 4)


@pytest.mark.parametrize("ratio", [0.25, 1.0, 3.0])
def test_a_ratio_is_reached_even_above_one(ratio: float) -> None:
    mixture = torch.full((1, 2, 2), 0.7)
    heard = Spectra(mixture, (ratio * mixture)[:, None])
    logits = torch.full((1, 1, 2, 2), math.log(math.expm1(ratio)))
    assert mask_loss(logits, heard, "ratio", "independent") < 1e-5
    assert_close(mask_loss(torch.full((1, 1, 2, 2), -40.0), heard, "ratio", "independent").item(), ratio)


def test_the_mixture_heard_is_the_mean_of_the_ungained_sources() -> None:
    stft = Stft(SPECTROGRAM)
    rows = LogFrequency(stft.num_bins, SPECTROGRAM.log_frequency_rows)
    clips = torch.randn(2, 3, 1000, generator=torch.Generator().manual_seed(2))
    assert_close(spectra(clips / 3, stft, rows).mixture, rows.warp(stft(mix(clips)).abs()), atol=1e-4, rtol=1e-4)
