"""What a room and a microphone do to a dry instrument: equaliser, reverberation, noise, level."""

import math
from dataclasses import dataclass

import numpy as np
from scipy.signal import fftconvolve, lfilter

from stages.performances.sampler import Waveform
from stages.performances.score import SAMPLE_RATE_HZ

PEAK = 0.97  # nothing in a video is louder, so that the coder never clips


@dataclass(frozen=True, slots=True)
class Room:
    """Drawn without knowing the instrument."""

    bands: tuple[tuple[float, float], ...]  # equaliser: centre in Hz, gain in dB
    reverb_s: float  # time to fall by 60 dB
    wet_db: float  # reverberation relative to the dry sound
    noise_db: float  # noise relative to the sound
    level_db: float  # root mean square of the whole waveform, relative to full scale
    seed: int  # of the noise and of the reverberation's fine structure


def draw_room(generator: np.random.Generator) -> Room:
    """A room: bands within +-6 dB, 0.15 to 0.8 s of reverberation, noise at -58 to -40 dB, level at -27 to -22 dB."""
    bands = tuple((float(generator.uniform(*band)), float(generator.uniform(-6, 6))) for band in _BANDS_HZ)
    return Room(
        bands=bands,
        reverb_s=float(generator.uniform(0.15, 0.8)),
        wet_db=float(generator.uniform(-24, -11)),
        noise_db=float(generator.uniform(-58, -40)),
        level_db=float(generator.uniform(-27, -22)),
        seed=int(generator.integers(2**32)),
    )


_BANDS_HZ = ((150.0, 500.0), (700.0, 2000.0), (2500.0, 5000.0))


def record(dry: Waveform, room: Room) -> Waveform:
    """The dry waveform (S,) as heard in `room`, at the room's level; silence stays silence."""
    power = float(np.mean(dry**2))
    if power == 0.0:
        return dry
    generator = np.random.Generator(np.random.PCG64(room.seed))
    wet = reverberate(equalise(dry, room), room, generator)
    wet *= 10 ** (room.level_db / 20) / math.sqrt(float(np.mean(wet**2)))
    # A falling spectrum, as the noise of rooms has.
    noise = np.asarray(lfilter([1.0], [1.0, -0.9], generator.standard_normal(len(dry))))
    noise *= 10 ** ((room.level_db + room.noise_db) / 20) / math.sqrt(float(np.mean(noise**2)))
    return np.asarray(wet + noise)


def equalise(waveform: Waveform, room: Room) -> Waveform:
    """Three peaking filters of quality 0.8 (R. Bristow-Johnson's audio equaliser cookbook)."""
    for centre_hz, gain_db in room.bands:
        angle = 2 * math.pi * centre_hz / SAMPLE_RATE_HZ
        gain, alpha = 10 ** (gain_db / 40), math.sin(angle) / (2 * 0.8)
        above = [1 + alpha * gain, -2 * math.cos(angle), 1 - alpha * gain]
        below = [1 + alpha / gain, -2 * math.cos(angle), 1 - alpha / gain]
        waveform = np.asarray(lfilter(above, below, waveform))
    return waveform


def reverberate(waveform: Waveform, room: Room, generator: np.random.Generator) -> Waveform:
    """Add an exponentially falling noise tail that begins 8 ms after the sound; same length."""
    length = int(room.reverb_s * SAMPLE_RATE_HZ)
    tail = generator.standard_normal(length) * 10 ** (-3 * np.arange(length) / length)
    tail[: int(0.008 * SAMPLE_RATE_HZ)] = 0.0
    tail = np.asarray(lfilter([0.4], [1.0, -0.6], tail))
    tail *= 10 ** (room.wet_db / 20) / math.sqrt(float(np.sum(tail**2)))
    return waveform + fftconvolve(waveform, tail)[: len(waveform)]


def join(stems: list[Waveform]) -> list[Waveform]:
    """Scale stems by one common factor so that neither they nor their sum exceed PEAK."""
    highest = max(float(np.abs(wave).max()) for wave in [*stems, np.sum(stems, axis=0)])
    return [stem * min(1.0, PEAK / max(highest, 1e-12)) for stem in stems]
