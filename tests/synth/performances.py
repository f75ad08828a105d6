"""Small takes, and performances with given notes on a scene where nothing moves but what notes move."""

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from stages.performances.film import Performance, perform
from stages.performances.scene import Drift, Scene
from stages.performances.score import SAMPLE_RATE_HZ, Note
from stages.performances.take import Staging, Take

PLAIN = Staging(shifted=False, silent=None, distracted=False, idle=0.0, offset_ms=0.0, jitter_ms=0.0)
STILL = Drift((0.0,), (0.1,), (0.0,))

# Two phrases of two notes, and a rest between them that is longer than any gesture, release or reverberation.
TWO_PHRASES = ((0.4, 0.7, 67, 0.9), (0.7, 1.0, 72, 0.8), (2.2, 2.5, 65, 0.9), (2.5, 2.8, 69, 0.8))
REST_S = (1.3, 1.9)


def notes_of(*rows: tuple[float, float, int, float]) -> tuple[Note, ...]:
    """Notes from (start_s, end_s, pitch, velocity)."""
    return tuple(Note(round(a * SAMPLE_RATE_HZ), round(b * SAMPLE_RATE_HZ), pitch, v) for a, b, pitch, v in rows)


def take_of(*instruments: str, **changes: Any) -> Take:
    """A take of 2 s at 64 px, where nothing makes it hard to see who sounds."""
    shared: dict[str, Any] = {"seed": 3, "arrival": "first", "number": 0, "duration_s": 2.0}
    shared |= {"frame_rate_hz": 24, "side_px": 64, "staging": PLAIN}
    return Take(instruments=instruments, **(shared | changes))


def stilled(scene: Scene) -> Scene:
    """The same scene with camera and bodies at rest."""
    stands = tuple(replace(stand, sway=STILL) for stand in scene.stands)
    return replace(scene, pan=STILL, tilt=STILL, zoom=STILL, stands=stands)


def still_performance(instrument: str, **changes: Any) -> Performance:
    """A solo of TWO_PHRASES, 3.2 s, on a still scene; its stem is not of these notes."""
    performance = perform(take_of(instrument, **({"duration_s": 3.2} | changes)))
    notes = (notes_of(*TWO_PHRASES),)
    return replace(performance, scene=stilled(performance.scene), notes=notes, shown=notes)


def fundamental_hz(waveform: NDArray[np.floating], sample_rate_hz: int, near_hz: float) -> float:
    """Frequency of the autocorrelation's peak within a whole tone of `near_hz`."""
    part = (waveform - waveform.mean()) * np.hanning(len(waveform))
    correlation = np.fft.irfft(np.abs(np.fft.rfft(part, 2 * len(part))) ** 2)
    lags = np.arange(int(sample_rate_hz / near_hz / 1.12), int(sample_rate_hz / near_hz * 1.12) + 2)
    peak = int(lags[np.argmax(correlation[lags])])
    before, top, after = correlation[peak - 1 : peak + 2]
    return float(sample_rate_hz / (peak + 0.5 * (before - after) / (before - 2 * top + after)))
