"""Finds the same recording in two videos by pairs of spectral peaks (Wang 2003, An industrial-strength audio search).

Axes: S samples, F frequency bins, T spectrogram frames, L landmarks, P pairs of landmarks.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import maximum_filter

_WINDOW_S = 0.093  # rounded to a power of two in samples; frames are a quarter of it apart
_PEAK_BINS, _PEAK_FRAMES = 15, 9  # a peak is the loudest within so many around it
_RANGE_DB = 40.0  # below the loudest: what lies deeper does not survive a lossy codec
# Notes of one instrument may be the same sample in two recordings; that one note follows another after just so long
# is what tells recordings apart. So both peaks of a landmark are a quarter of a second apart or more.
_MIN_APART_FRAMES, _MAX_APART_FRAMES = 11, 63
_FAN_OUT = 24  # each peak is paired with some of so many that follow
_STEP_FRAMES = 2  # to which times are rounded: a copy's frames begin anywhere between ours
_MAX_NEIGHBOURS = 64  # among equal landmarks: a hum has thousands, which say nothing


@dataclass(frozen=True, slots=True)
class Landmarks:
    """Where in a recording which pairs of peaks are."""

    names: NDArray[np.int64]  # (L,), of both frequencies and the time between
    frames: NDArray[np.int64]  # (L,), of the first peak

    def __len__(self) -> int:
        return len(self.names)


def landmarks(audio: NDArray[np.float32], sample_rate_hz: int) -> Landmarks:
    """Landmarks of a waveform, (S,); none in silence and in less than a quarter of a second."""
    times, bins = _peaks(_levels_TF(audio, sample_rate_hz))
    names: list[NDArray[np.int64]] = [np.zeros(0, np.int64)]
    frames: list[NDArray[np.int64]] = [np.zeros(0, np.int64)]
    for step in range(1, min(_FAN_OUT, len(times) - 1) + 1):
        apart = times[step:] - times[:-step]
        kept = (apart >= _MIN_APART_FRAMES) & (apart <= _MAX_APART_FRAMES)
        pair = (bins[:-step] << 26) + (bins[step:] << 10) + apart // _STEP_FRAMES
        names.append(pair[kept])
        frames.append(times[:-step][kept])
    return Landmarks(np.concatenate(names), np.concatenate(frames))


def joined(parts: Sequence[Landmarks], starts_s: Sequence[float], sample_rate_hz: int) -> Landmarks:
    """Landmarks of all parts of a recording, on its clock."""
    hop_s = _window_samples(sample_rate_hz) / 4 / sample_rate_hz
    offsets = [round(start_s / hop_s) for start_s in starts_s]
    frames = [part.frames + offset for part, offset in zip(parts, offsets, strict=True)]
    return Landmarks(np.concatenate([part.names for part in parts]), np.concatenate(frames))


def common_landmarks(recordings: Sequence[Landmarks], groups: NDArray[np.int64]) -> NDArray[np.int64]:
    """How many landmarks two recordings of different groups share at one and the same shift in time.

    Args:
        recordings: N of them.
        groups: (N,); recordings of one group are not compared.

    Returns:
        (P, 3): both recordings, the lower index first, and their number, for each pair that shares any.
    """
    names = np.concatenate([np.zeros(0, np.int64), *(one.names for one in recordings)])
    frames = np.concatenate([np.zeros(0, np.int64), *(one.frames for one in recordings)])
    owners = np.repeat(np.arange(len(recordings)), [len(one) for one in recordings])
    order = np.argsort(names, kind="stable")  # equal names stay in the order of their owners
    names, frames, owners = names[order], frames[order], owners[order]
    pairs: list[NDArray[np.int64]] = [np.zeros((0, 3), np.int64)]
    for step in range(1, min(_MAX_NEIGHBOURS, len(names) - 1) + 1):
        first, second = owners[:-step], owners[step:]
        kept = (names[:-step] == names[step:]) & (groups[first] != groups[second])
        shifts = frames[step:] - frames[:-step]
        pairs.append(np.stack([first[kept], second[kept], shifts[kept]], axis=1))
    return _most_at_one_shift(np.concatenate(pairs))


def _most_at_one_shift(pairs: NDArray[np.int64]) -> NDArray[np.int64]:
    """(P, 3) of owners and shifts -> (Q, 3) of owners and the number of their most frequent shift."""
    best: dict[tuple[int, int], int] = {}
    for phase in range(_STEP_FRAMES):  # a shift at the border of two steps counts wholly in one of the phases
        rounded = pairs.copy()
        rounded[:, 2] = (rounded[:, 2] + phase) // _STEP_FRAMES
        found, counts = np.unique(rounded, axis=0, return_counts=True)
        for (first, second, _), count in zip(found.tolist(), counts.tolist(), strict=True):
            best[first, second] = max(count, best.get((first, second), 0))
    rows = [(*owners, count) for owners, count in sorted(best.items())]
    return np.array(rows, np.int64).reshape(-1, 3)


def _window_samples(sample_rate_hz: int) -> int:
    return 2 ** round(np.log2(_WINDOW_S * sample_rate_hz))


def _levels_TF(audio: NDArray[np.float32], sample_rate_hz: int) -> NDArray[np.float64]:  # noqa: N802
    """Magnitudes in dB."""
    size = _window_samples(sample_rate_hz)
    if len(audio) < size:
        return np.zeros((0, size // 2 + 1))
    windows = np.lib.stride_tricks.sliding_window_view(audio, size)[:: size // 4]
    return 20 * np.log10(np.abs(np.fft.rfft(windows * np.hanning(size), axis=1)) + 1e-6)


def _peaks(levels_TF: NDArray[np.float64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:  # noqa: N803
    """Frames and bins of local maxima, in time's order; none where all is equal."""
    if not levels_TF.size or np.ptp(levels_TF) == 0:
        return np.zeros(0, np.int64), np.zeros(0, np.int64)
    highest = levels_TF == maximum_filter(levels_TF, size=(_PEAK_FRAMES, _PEAK_BINS))
    times, bins = np.nonzero(highest & (levels_TF > levels_TF.max() - _RANGE_DB))
    return times.astype(np.int64), bins.astype(np.int64)
