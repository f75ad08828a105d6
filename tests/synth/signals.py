"""Signals whose separation scores are known beforehand, and the rows of mixes and scores."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from stages.shards.schema import MixSource, Split

Floats = NDArray[np.float64]


def noise(num: int, num_samples: int, *, seed: int) -> Floats:
    """Independent white waveforms, (num, num_samples), of unit power."""
    return np.random.default_rng(seed).standard_normal((num, num_samples))


def coloured(num: int, num_samples: int, *, seed: int) -> Floats:
    """Waveforms with a steep spectrum, as music has: their delays are nearly dependent."""
    white = noise(num, num_samples + 63, seed=seed)
    window = np.hanning(64)
    return np.stack([np.convolve(waveform, window, mode="valid") for waveform in white]) + 1e-3 * white[:, 63:]


def blocks(num: int, *, length: int, gap_samples: int, seed: int) -> Floats:
    """Unit-energy waveforms in disjoint stretches of time: orthogonal under all relative delays below `gap_samples`."""
    waveforms = np.zeros((num, num * (length + gap_samples)))
    for row, burst in enumerate(noise(num, length, seed=seed)):
        start = row * (length + gap_samples)
        waveforms[row, start : start + length] = burst / np.linalg.norm(burst)
    return waveforms


def projection(references: Floats, estimate: Floats, taps: int) -> Floats:
    """Least-squares projection of a waveform (S,) on the delays 0..taps-1 of references (N, S), by a dense matrix."""
    num_samples = references.shape[1] + taps - 1
    columns = [np.r_[np.zeros(d), r, np.zeros(num_samples - d - len(r))] for r in references for d in range(taps)]
    matrix, padded = np.stack(columns, axis=1), np.r_[estimate, np.zeros(taps - 1)]
    return matrix @ np.linalg.lstsq(matrix, padded)[0]


def decibels(numerator: float, denominator: float) -> float:
    """Ratio of energies in dB."""
    return 10 * float(np.log10(numerator / denominator))


def mix_rows(mix_id: str, clip_ids: list[str], split: Split = "test") -> list[MixSource]:
    """Rows of one mix of clips `<kind>-<seed>` (see tests/synth/learning.py)."""
    return [
        MixSource(mix_id, f"different{len(clip_ids)}", split, source, clip_id, f"video-{clip_id}", f"kind{clip_id[0]}")
        for source, clip_id in enumerate(clip_ids)
    ]


def score_columns(estimator: str, values_db: list[float | None], *, kind: str = "different2") -> dict[str, list[Any]]:
    """Scores of mixes of two: row r belongs to mix r // 2 and has a video of its own; all ratios of a row are equal."""
    rows = range(len(values_db))
    ratios = {name: list(values_db) for name in ("si_sdri", "si_sdr", "sdr", "sir", "sar")}
    return {
        "mix_id": [f"{kind}-{row // 2}" for row in rows],
        "kind": [kind for _ in rows],
        "source": [row % 2 for row in rows],
        "clip_id": [f"clip{row}" for row in rows],
        "video_id": [f"video{row}" for row in rows],
        "label": [f"label{row % 2}" for row in rows],
        "estimator": [estimator for _ in rows],
        **ratios,
        "matched": [None if value is None else 1.0 if value > 0 else 0.5 for value in values_db],
        "silent_estimate": [value == -100.0 for value in values_db],
    }
