from typing import Any

import numpy as np
import pytest
import torch

from stages.metrics.baselines import Baselines
from stages.metrics.scores import score
from stages.params import Spectrogram
from tests.synth.learning import waveform

SPECTROGRAM = Spectrogram(fft_samples=256, hop_samples=64, log_frequency_rows=64)
ANY_MIX: Any = None  # baselines look at the sources only


@pytest.fixture(scope="module", params=[2, 3])
def mean_si_sdr(request: pytest.FixtureRequest) -> dict[str, float]:
    sources = torch.stack([torch.from_numpy(waveform(kind, seed=5)) for kind in range(request.param)])
    estimates = Baselines(SPECTROGRAM)(ANY_MIX, sources)
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
    estimates = Baselines(SPECTROGRAM)(ANY_MIX, sources)
    ratios = score(sources, torch.stack(list(estimates.values())), taps=32)
    found = dict(zip(estimates, ratios["si_sdr"].min(axis=1).tolist(), strict=True))
    assert found["ideal_binary_mask"] > 30
    assert found["ideal_ratio_mask"] > 30
    assert found["ideal_binary_mask_warped"] > 20
