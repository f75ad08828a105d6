from typing import Any

import numpy as np
import pytest
import torch

from stages.metrics.baselines import Baselines, best_order
from stages.metrics.scores import score
from stages.metrics.summary import BEST_ORDER
from stages.params import Spectrogram
from tests.synth.learning import waveform

SPECTROGRAM = Spectrogram(fft_samples=256, hop_samples=64, log_frequency_rows=64)
ANY_MIX: Any = None  # baselines look at the sources only


@pytest.fixture(scope="module", params=[2, 3])
def mean_si_sdr(request: pytest.FixtureRequest) -> dict[str, float]:
    sources = torch.stack([torch.from_numpy(waveform(kind, seed=5)) for kind in range(request.param)])
    estimates = Baselines(SPECTROGRAM, sample_rate_hz=4000)(ANY_MIX, sources)
    ratios = score(sources, torch.stack(list(estimates.values())), taps=32)
    return dict(zip(estimates, np.mean(ratios["si_sdr"], axis=1).tolist(), strict=True))


def test_constant_mask_is_the_mixture(mean_si_sdr: dict[str, float]) -> None:
    assert mean_si_sdr["constant_mask"] == pytest.approx(mean_si_sdr["mixture"], abs=1e-3)


def test_oracles_are_far_above_the_mixture_and_finer_frequencies_help(mean_si_sdr: dict[str, float]) -> None:
    for oracle in ("ideal_binary_mask", "ideal_ratio_mask"):
        assert mean_si_sdr[oracle] > mean_si_sdr["mixture"] + 8
        assert mean_si_sdr["mixture"] + 5 < mean_si_sdr[f"{oracle}_warped"] < mean_si_sdr[oracle] + 1


def test_sources_of_disjoint_spectra_are_recovered() -> None:
    time_s = torch.arange(4000) / 4000
    sources = torch.stack([torch.sin(2 * torch.pi * hz * time_s) for hz in (250.0, 1250.0)])
    estimates = Baselines(SPECTROGRAM, sample_rate_hz=4000)(ANY_MIX, sources)
    ratios = score(sources, torch.stack(list(estimates.values())), taps=32)
    found = dict(zip(estimates, ratios["si_sdr"].min(axis=1).tolist(), strict=True))
    assert found["ideal_binary_mask"] > 30
    assert found["ideal_ratio_mask"] > 30
    assert found["ideal_binary_mask_warped"] > 20


def test_gates_part_what_sounds_by_turns_and_nothing_that_sounds_at_once() -> None:
    time_s = torch.arange(4000) / 4000
    tones = torch.stack([torch.sin(2 * torch.pi * hz * time_s) for hz in (250.0, 1250.0)])
    by_turns = tones * torch.stack([(time_s < 0.45).float(), (time_s > 0.55).float()])
    for sources, at_once in ((by_turns, False), (tones, True)):
        estimates = Baselines(SPECTROGRAM, sample_rate_hz=4000)(ANY_MIX, sources)
        ratios = score(sources, torch.stack(list(estimates.values())), taps=32)
        found = dict(zip(estimates, ratios["si_sdr"].min(axis=1).tolist(), strict=True))
        for gate in ("ideal_ratio_gate", "best_gate", *([] if at_once else ["ideal_binary_gate"])):
            # at once, equal levels: half of the mixture, whose other half is as loud
            assert found[gate] == pytest.approx(0, abs=0.1) if at_once else found[gate] > 30
        assert found["ideal_binary_mask"] > 30


def test_gates_are_the_same_for_all_frequencies_and_below_masks(mean_si_sdr: dict[str, float]) -> None:
    gates = [mean_si_sdr[name] for name in ("ideal_binary_gate", "ideal_ratio_gate", "best_gate")]
    assert max(gates) == mean_si_sdr["best_gate"]
    assert mean_si_sdr["mixture"] < mean_si_sdr["best_gate"] < mean_si_sdr["ideal_binary_mask"] - 3


def test_separation_without_pictures_knows_no_order_but_the_one_that_suits_the_truth() -> None:
    sources = torch.stack([torch.from_numpy(waveform(kind, seed=5)) for kind in range(2)])
    baselines = Baselines(SPECTROGRAM, sample_rate_hz=4000)
    found, flipped = baselines(ANY_MIX, sources), baselines(ANY_MIX, sources.flip(0))
    for name in BEST_ORDER:
        torch.testing.assert_close(flipped[name], found[name].flip(0), rtol=0, atol=0)
        both = torch.stack([found[name], found[name].flip(0)])
        best, other = np.mean(score(sources, both, taps=32)["si_sdr"], axis=1)
        assert best > other


def test_robust_pca_is_for_two_sources_alone() -> None:
    for num_sources in (2, 3):
        sources = torch.stack([torch.from_numpy(waveform(kind, seed=5)) for kind in range(num_sources)])
        estimates = Baselines(SPECTROGRAM, sample_rate_hz=4000)(ANY_MIX, sources)
        assert ("rpca" in estimates) == (num_sources == 2)
        for name in set(BEST_ORDER) & set(estimates):
            torch.testing.assert_close(estimates[name].sum(0), sources.mean(0), rtol=0, atol=1e-4)


def test_the_best_order_is_found_among_all() -> None:
    sources = torch.stack([torch.from_numpy(waveform(kind, seed=5)) for kind in range(4)])
    shuffled = sources[[2, 0, 3, 1]] + 0.01 * sources.sum(0)
    torch.testing.assert_close(best_order(sources, shuffled), shuffled[[1, 3, 0, 2]])
    silent = sources * torch.tensor([1.0, 0, 1, 1])[:, None]
    assert best_order(silent, shuffled)[1].equal(shuffled[3])


def test_silence_has_nothing_to_take_apart() -> None:
    estimates = Baselines(SPECTROGRAM, sample_rate_hz=4000)(ANY_MIX, torch.zeros(2, 4000))
    assert all(bool((estimate == 0).all()) for estimate in estimates.values())
