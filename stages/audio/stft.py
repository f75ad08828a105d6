"""Short-time Fourier transform and its inverse.

Axes: S samples, F linear-frequency bins (fft_samples / 2 + 1), T spectrogram frames (S // hop_samples + 1).
"""

import torch
from torch import Tensor, nn
from torchaudio import functional

from stages.params import Spectrogram


class Stft(nn.Module):
    """Hann-windowed transform with centred frames; zeros are assumed outside the signal (as librosa's default does)."""

    window: Tensor

    def __init__(self, spectrogram: Spectrogram) -> None:
        super().__init__()
        self.fft_samples, self.hop_samples = spectrogram.fft_samples, spectrogram.hop_samples
        if 2 * self.hop_samples > self.fft_samples:
            raise ValueError(
                f"spectrogram.hop_samples: at most half of fft_samples ({self.fft_samples}) lets the transform be "
                f"inverted, found {self.hop_samples}; lower hop_samples in params.yaml"
            )
        self.register_buffer("window", torch.hann_window(self.fft_samples), persistent=False)

    @property
    def num_bins(self) -> int:
        """F."""
        return self.fft_samples // 2 + 1

    def num_frames(self, num_samples: int) -> int:
        """T of a signal of `num_samples`."""
        return num_samples // self.hop_samples + 1

    def forward(self, waveforms: Tensor) -> Tensor:
        """Spectra (..., F, T), complex, of waveforms (..., S)."""
        return functional.spectrogram(
            waveforms,
            pad=0,
            window=self.window,
            n_fft=self.fft_samples,
            hop_length=self.hop_samples,
            win_length=self.fft_samples,
            power=None,
            normalized=False,
            pad_mode="constant",
        )

    def inverse(self, spectra: Tensor, num_samples: int) -> Tensor:
        """Waveforms (..., num_samples) whose transform is closest, in least squares, to spectra (..., F, T)."""
        return functional.inverse_spectrogram(
            spectra,
            num_samples,
            pad=0,
            window=self.window,
            n_fft=self.fft_samples,
            hop_length=self.hop_samples,
            win_length=self.fft_samples,
            normalized=False,
        )
