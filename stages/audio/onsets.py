"""Onsets of sound: peaks of spectral flux (Bello et al. 2005, A tutorial on onset detection in music signals).

Axes: S samples, F frequency bins, T frames of a curve.
"""

import torch
from torch import Tensor
from torch.nn import functional
from torchaudio import functional as sound

# Measured on rendered solos: F-measure within 50 ms .89 with these, .87 with windows of 32 ms, .79 with a lag of 10 ms.
_WINDOW_S = 0.023
_HOP_S = 0.01
_LAG_FRAMES = 3  # as long as the window: what is compared shares no sample
_COMPRESSION = 300.0
_REACH_S = 0.15  # of the local mean, to either side
_QUIETEST = 1e-3  # root mean square, full scale = 1: quieter sound is not blown up to this level's flux


def sound_onsets(waveform: Tensor, sample_rate_hz: int, *, gap_s: float, rise: float) -> Tensor:
    """Times of onsets, (N,) float64, s after the first sample, ascending.

    Sound that goes on from before the first sample has no onset there. Times are right for what swells within 30 ms; a
    click, and a note that begins with one, is half a lag (15 ms) early.

    Args:
        waveform: (S,), longer than 35 ms, in [-1, 1]; its level does not matter down to -60 dB.
        sample_rate_hz: Of the waveform.
        gap_s: Of onsets closer than this the one with the higher flux stays.
        rise: Of the flux above its mean within 150 ms to either side; the flux is the mean over bins of the rise of
            log(1 + 300 * amplitude / rms).
    """
    hop = round(_HOP_S * sample_rate_hz)
    flux = spectral_flux(waveform, sample_rate_hz)
    hops_per_s = sample_rate_hz / hop
    found = peaks(flux, gap=max(1, round(gap_s * hops_per_s)), reach=round(_REACH_S * hops_per_s), rise=rise)
    return (found.nonzero()[:, 0].double() - _LAG_FRAMES / 2) * hop / sample_rate_hz


def spectral_flux(waveform: Tensor, sample_rate_hz: int) -> Tensor:
    """Half-wave rectified rise of log magnitudes over 30 ms, (T,), frame t ending the rise at t * 10 ms; 0 at first."""
    size = 2 * round(_WINDOW_S * sample_rate_hz / 2)
    amplitudes_FT = sound.spectrogram(
        waveform,
        pad=0,
        window=torch.hann_window(size),
        n_fft=size,
        hop_length=round(_HOP_S * sample_rate_hz),
        win_length=size,
        power=1.0,
        normalized=False,
        pad_mode="reflect",  # zeros before the first sample would make the clip's beginning an onset
    ) / (size / 4)
    rms = waveform.square().mean().sqrt().clamp_min(_QUIETEST)
    levels_FT = torch.log1p(_COMPRESSION * amplitudes_FT / rms)
    rise_T = functional.relu(levels_FT[:, _LAG_FRAMES:] - levels_FT[:, :-_LAG_FRAMES]).mean(dim=0)
    return functional.pad(rise_T, (_LAG_FRAMES, 0))


def peaks(curves: Tensor, *, gap: int, reach: int, rise: float) -> Tensor:
    """Local maxima of curves (..., T) that stand out, bool (..., T), any two of a curve `gap` or more frames apart.

    Args:
        curves: Any real values.
        gap: A peak is the highest within gap - 1 frames to either side, the first one of equals; at least 1.
        reach: Frames to either side that the local mean is taken over.
        rise: By how much a peak exceeds the local mean, strictly.
    """
    flat = curves.reshape(-1, 1, curves.shape[-1])
    lowest = float("-inf")
    ahead = functional.max_pool1d(functional.pad(flat, (0, gap - 1), value=lowest), gap, stride=1)
    highest = flat >= ahead
    if gap > 1:
        behind = functional.max_pool1d(functional.pad(flat[..., :-1], (gap - 1, 0), value=lowest), gap - 1, stride=1)
        highest = highest & (flat > behind)
    mean = functional.avg_pool1d(flat, 2 * reach + 1, stride=1, padding=reach, count_include_pad=False)
    found = highest & (flat > mean + rise)
    found[..., 0] = found[..., -1] = False  # whether a curve turns there is not known
    return found.reshape(curves.shape)
