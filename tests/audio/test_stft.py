"""The transform against its definition, and its inverse."""

import math

import pytest
import torch
from torch.testing import assert_close

from stages.audio.stft import Stft
from stages.params import Spectrogram

PAPER = Spectrogram(fft_samples=1022, hop_samples=256, log_frequency_rows=256)


def test_paper_geometry_is_512_bins_and_256_frames() -> None:
    stft = Stft(PAPER)
    assert (stft.num_bins, stft.num_frames(65535)) == (512, 256)
    assert stft(torch.zeros(2, 65535)).shape == (2, 512, 256)


def test_a_frame_is_the_windowed_fourier_sum() -> None:
    stft = Stft(Spectrogram(fft_samples=64, hop_samples=16, log_frequency_rows=16))
    signal = torch.randn(400, generator=torch.Generator().manual_seed(1), dtype=torch.float64).float()
    frame = 7
    piece = signal[frame * 16 - 32 : frame * 16 + 32].double()
    window = 0.5 - 0.5 * torch.cos(2 * math.pi * torch.arange(64, dtype=torch.float64) / 64)
    phases = torch.exp(-2j * math.pi * torch.arange(33)[:, None] * torch.arange(64, dtype=torch.float64) / 64)
    assert_close(
        stft(signal)[:, frame], (phases @ (piece * window).to(torch.complex128)).to(torch.complex64), atol=1e-4, rtol=0
    )


@pytest.mark.parametrize(("hop_samples", "num_samples"), [(256, 65535), (260, 33075), (172, 33075), (511, 5000)])
def test_inverse_gives_the_signal_back(hop_samples: int, num_samples: int) -> None:
    stft = Stft(Spectrogram(fft_samples=1022, hop_samples=hop_samples, log_frequency_rows=256))
    signal = torch.rand(2, 3, num_samples, generator=torch.Generator().manual_seed(2)) - 0.5
    inner = slice(0, (stft.num_frames(num_samples) - 1) * hop_samples)  # all that lies between two frame centres
    assert_close(stft.inverse(stft(signal), num_samples)[..., inner], signal[..., inner], atol=2e-5, rtol=0)


def test_a_hop_that_cannot_be_inverted_is_refused() -> None:
    with pytest.raises(ValueError, match="hop_samples: at most half of fft_samples"):
        Stft(Spectrogram(fft_samples=256, hop_samples=129, log_frequency_rows=16))
