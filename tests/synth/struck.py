"""A world in which all players look and sound alike: only when each moves tells whose notes are whose."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from stages.networks.separation import Separator, build
from stages.networks.sight import Field, MotionWindows
from stages.params import Clip, Spectrogram
from stages.separators import Motions

CLIP = Clip(duration_s=1.5, sample_rate_hz=4000, frame_rate_hz=8, frame_side_px=40)
SPECTROGRAM = Spectrogram(fft_samples=256, hop_samples=125, log_frequency_rows=64)
NUM_SAMPLES = 6000
_STROKES = 3
_CELLS = 10  # a side
_RATE_HZ = 24

SETTINGS: dict[str, Any] = {
    "kind": "motions",
    "sees": "decode",
    "channels": 4,
    "head": "competitive",
    "conditioning": "film",
    "appearance": {
        "base_channels": 4,
        "weights": "none",
        "pooling": "max",
        "standardise": False,
        "num_frames": 1,
        "frame_stride": 1,
        "crop_px": 32,
    },
    "motion": {"input": "difference", "rate_hz": _RATE_HZ, "average_steps": 1, "side_cells": 8, "unit_rms": True},
    "trajectory": {"network": "r2plus1d", "base_channels": 4, "strides": [2, 1]},
    "fusion": {
        "rule": "attention",
        "channels": 12,
        "convolutions": 1,
        "place_channels": 2,
        "time_convolutions": 1,
    },
    "audio": {"time_strides": [2, 1, 1], "base_channels": 8, "film_levels": [3], "min_film_rate_hz": 8.0},
}


def changed(**changes: Any) -> Motions:
    """The tiny model with other settings; `a__b=value` sets a.b."""
    content = {name: dict(value) if isinstance(value, dict) else value for name, value in SETTINGS.items()}
    for address, value in changes.items():
        outer, _, inner = address.rpartition("__")
        (content[outer] if outer else content)[inner] = value
    return Motions.model_validate(content)


def separator(*, seed: int, **changes: Any) -> Separator:
    """An untrained one that minds motion and appearance, as a fresh one hardly does."""
    torch.manual_seed(seed)
    model = changed(**changes)
    net = build(model, CLIP, SPECTROGRAM)
    with torch.no_grad():
        for parameter in net.parameters():
            parameter.add_(0.2 * torch.randn_like(parameter))
    return Separator(net.eval(), model, CLIP, SPECTROGRAM, "binary")


class StruckMedia:
    """Clips `0-<seed>` made on demand."""

    def audio(self, clip_id: str) -> NDArray[np.float32]:
        time_s = np.arange(NUM_SAMPLES) / CLIP.sample_rate_hz
        sound = np.zeros(NUM_SAMPLES)
        for start_s, pitch_hz, _ in _strokes(clip_id):
            after_s = np.clip(time_s - start_s, 0, None)
            sound += (after_s > 0) * np.exp(-5 * after_s) * np.sin(2 * np.pi * pitch_hz * after_s)
        return (0.5 * sound).astype(np.float32)

    def num_frames(self, clip_id: str) -> int:  # noqa: ARG002
        return 12

    def frames(self, clip_id: str, indices: Sequence[int]) -> list[NDArray[np.uint8]]:  # noqa: ARG002
        return [np.full((40, 40, 3), 128, np.uint8) for _ in indices]


def field(clip_id: str) -> Field:
    """A flash in one cell and its neighbours for each note, and faint noise."""
    random = np.random.default_rng([len(clip_id), *map(ord, clip_id)])
    values = 0.01 * random.random((int(CLIP.duration_s * _RATE_HZ), 1, _CELLS, _CELLS))
    for start_s, _, (row, column) in _strokes(clip_id):
        values[int(start_s * _RATE_HZ) :, :, row : row + 2, column : column + 2][:2] += 0.2
    return Field(torch.from_numpy(values.astype(np.float32)), (4.0, 4.0))


def windows(model: Motions) -> MotionWindows:
    """Where the model sees motion."""
    return MotionWindows(model.motion, CLIP, field)


def _strokes(clip_id: str) -> list[tuple[float, float, tuple[int, int]]]:
    """Start, pitch and place of each note."""
    random = np.random.default_rng(int(clip_id.partition("-")[2]))
    starts_s = random.uniform(0, 1.3, _STROKES)
    pitches_hz = 200 * 2 ** random.uniform(0, 2.5, _STROKES)
    places = random.integers(1, _CELLS - 3, (_STROKES, 2))
    return [(s, p, (r, c)) for s, p, (r, c) in zip(starts_s, pitches_hz, places.tolist(), strict=True)]
