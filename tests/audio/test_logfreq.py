"""The warp against closed forms, against grid_sample, and by what it costs an ideal mask."""

import math

import pytest
import torch
from torch import Tensor
from torch.nn import functional
from torch.testing import assert_close

from stages.audio import masks
from stages.audio.logfreq import LogFrequency
from stages.audio.mixing import mix
from stages.audio.stft import Stft
from stages.metrics.bss import si_sdr
from stages.params import Spectrogram

RATE_HZ, NUM_SAMPLES = 11025, 33075


def test_ends_of_both_axes_coincide() -> None:
    rows = LogFrequency(512, 64)
    linear = torch.rand(512, 3, generator=torch.Generator().manual_seed(1))
    assert_close(rows.warp(linear)[[0, -1]], linear[[0, -1]])
    warped = torch.rand(64, 3, generator=torch.Generator().manual_seed(2))
    assert_close(rows.unwarp(warped)[[0, -1]], warped[[0, -1]])


def test_a_ramp_is_read_at_exponentially_spaced_positions() -> None:
    ramp = torch.arange(512.0)[:, None]
    expected = torch.tensor([511 * (21 ** (row / 255) - 1) / 20 for row in range(256)])[:, None]
    assert_close(LogFrequency(512, 256).warp(ramp), expected, atol=1e-3, rtol=0)


def test_there_and_back_keeps_a_function_of_log_frequency() -> None:
    rows = LogFrequency(512, 256)
    along = torch.arange(256.0)[:, None] / 255  # linear along the rows, so that interpolation adds no error there
    assert_close(rows.warp(rows.unwarp(along)), along, atol=2e-3, rtol=0)


def test_agrees_with_grid_sample_that_aligns_corners() -> None:
    image = torch.rand(2, 1, 512, 9, generator=torch.Generator().manual_seed(3))
    height = (21 ** torch.linspace(0, 1, 96) - 1) / 20 * 2 - 1
    width = torch.linspace(-1, 1, 9)
    grid = torch.stack(torch.meshgrid(height, width, indexing="ij")[::-1], dim=-1).expand(2, -1, -1, -1)
    assert_close(
        LogFrequency(512, 96).warp(image), functional.grid_sample(image, grid, align_corners=True), atol=1e-4, rtol=0
    )


def test_ideal_mask_through_256_rows_stays_within_1_db_of_linear() -> None:
    stft = Stft(Spectrogram(fft_samples=1022, hop_samples=256, log_frequency_rows=256))
    rows = LogFrequency(512, 256)
    sources = torch.stack([torch.stack([_melody(seed), _melody(seed + 100)]) for seed in range(6)]) / 2
    mixture, magnitudes = stft(2 * mix(sources)), stft(sources).abs()
    linear = stft.inverse(masks.apply(masks.binary_masks(magnitudes), mixture), NUM_SAMPLES)
    ideal_rows = rows.unwarp(masks.binary_masks(rows.warp(magnitudes)))
    warped = stft.inverse(masks.apply(ideal_rows, mixture), NUM_SAMPLES)
    linear_db, warped_db = si_sdr(sources, linear).mean(), si_sdr(sources, warped).mean()
    assert linear_db > 10
    assert linear_db - warped_db < 1


def test_fewer_than_two_rows_are_refused() -> None:
    with pytest.raises(ValueError, match="at least 2 bins and 2 rows"):
        LogFrequency(512, 1)


def _melody(seed: int) -> Tensor:
    """Decaying notes of ten harmonics with vibrato and a breath of noise, C3 to C6, as two players would overlap."""
    random = torch.Generator().manual_seed(seed)
    time_s = torch.arange(NUM_SAMPLES) / RATE_HZ
    sound = 0.003 * torch.randn(NUM_SAMPLES, generator=random)
    tilt, decay_hz = 0.5 + torch.rand(2, generator=random).double() * torch.tensor([1.0, 3.0])
    for start_s in torch.arange(0, 3, 0.3):
        pitch_hz = 130.8 * 2 ** (torch.randint(36, (), generator=random).item() / 12)
        after_s = (time_s - start_s).clamp_min(0)
        phase = 2 * math.pi * pitch_hz * after_s + 0.3 * torch.sin(2 * math.pi * 5 * after_s)
        harmonics = [torch.sin(k * phase) / k**tilt for k in range(1, 11) if k * pitch_hz < 5000]
        sound += (time_s >= start_s) * torch.exp(-decay_hz * after_s) * torch.stack(harmonics).sum(0)
    return 0.3 * sound / sound.abs().max()
