"""The second bank of sounds: notes computed from simple models of instruments, free of recordings and licences.

A note is a sum of partials with formants, attack and decay, and some breath or bow noise. It shares nothing with the
recorded bank but the pitches at which notes are kept.
"""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.signal import butter, sosfilt

from stages.performances.draws import generator
from stages.performances.score import SAMPLE_RATE_HZ

Waveform = NDArray[np.float64]
Formant = tuple[float, float]  # centre in Hz, gain in dB

HELD, STRUCK, BAR = (tuple(map(float, range(1, 25))), (1.0, 2.003, 3.01, 4.03, 5.06, 6.1, 7.16, 8.24), (1.0, 3.0, 6.1))
_HIGHEST_HZ = 0.45 * SAMPLE_RATE_HZ
_OCTAVES = 0.7  # half the width of a formant
_PEAK = 0.7
_FADE_S = 0.1
_SOFT_ROLL_OFF = 1.3  # a soft note has fewer overtones


@dataclass(frozen=True, slots=True)
class Tone:
    """How one instrument sounds."""

    ratios: tuple[float, ...]  # partials, relative to the first
    roll_off: float  # amplitude of partial k: k ** -roll_off
    even: float  # of even partials, relative to odd ones
    formants: tuple[Formant, ...]
    attack_s: float
    decay_s: float  # of the first partial, to 1 / e; infinite where bow or breath holds it
    vibrato_cents: float
    noise: float  # of breath or bow, relative to the partials
    duration_s: float


TONES: dict[str, Tone] = {
    "violin": Tone(HELD, 1.0, 1.0, ((290.0, 6.0), (900.0, 5.0), (2600.0, 9.0)), 0.05, math.inf, 22.0, 0.02, 2.4),
    "cello": Tone(HELD, 1.1, 1.0, ((220.0, 7.0), (600.0, 4.0), (1600.0, 6.0)), 0.07, math.inf, 18.0, 0.02, 2.4),
    "acoustic_guitar": Tone(STRUCK, 1.2, 0.7, ((110.0, 4.0), (220.0, 5.0)), 0.004, 0.7, 0.0, 0.0, 2.2),
    "xylophone": Tone(BAR, 1.1, 1.0, (), 0.002, 0.16, 0.0, 0.0, 1.2),
    "trumpet": Tone(HELD, 0.7, 1.0, ((1200.0, 10.0), (2400.0, 4.0)), 0.035, math.inf, 8.0, 0.005, 2.4),
    "tuba": Tone(HELD, 1.5, 1.0, ((230.0, 8.0),), 0.06, math.inf, 0.0, 0.01, 2.4),
    "flute": Tone(HELD, 2.2, 0.8, ((800.0, 3.0),), 0.06, math.inf, 14.0, 0.07, 2.4),
    "clarinet": Tone(HELD, 1.1, 0.12, ((1500.0, 4.0),), 0.03, math.inf, 0.0, 0.01, 2.4),
    "saxophone": Tone(HELD, 0.9, 0.9, ((500.0, 6.0), (1500.0, 5.0)), 0.04, math.inf, 16.0, 0.03, 2.4),
    "accordion": Tone(HELD, 0.6, 0.8, ((700.0, 3.0), (3000.0, 4.0)), 0.03, math.inf, 5.0, 0.004, 2.4),
}


def tone(instrument: str) -> Tone:
    """The model of an instrument; ValueError where there is none."""
    if instrument not in TONES:
        raise ValueError(f"modelled.TONES: no model of {instrument!r}; there are {', '.join(sorted(TONES))}")
    return TONES[instrument]


def model_note(instrument: str, pitch: float, *, loud: bool) -> Waveform:
    """One held note of an instrument at a MIDI pitch, (S,), peak 0.7, at SAMPLE_RATE_HZ."""
    sound = tone(instrument)
    draw = generator("modelled", instrument, pitch, loud)
    times_s = np.arange(round(sound.duration_s * SAMPLE_RATE_HZ)) / SAMPLE_RATE_HZ
    first_hz = 440.0 * 2 ** ((pitch - 69) / 12)
    waveform = _partials(sound, first_hz, times_s, draw, roll_off=sound.roll_off * (1.0 if loud else _SOFT_ROLL_OFF))
    waveform += sound.noise * np.abs(waveform).max() * _noise(first_hz, len(times_s), draw)
    waveform *= np.minimum(1.0, times_s / sound.attack_s) * np.minimum(1.0, (times_s[-1] - times_s) / _FADE_S)
    return waveform * (_PEAK / np.abs(waveform).max())


def _partials(
    sound: Tone, first_hz: float, times_s: Waveform, draw: np.random.Generator, *, roll_off: float
) -> Waveform:
    cycles = first_hz * (times_s + _vibrato(sound.vibrato_cents, times_s))
    out = np.zeros(len(times_s))
    for number, ratio in enumerate(sound.ratios, 1):
        phase = float(draw.uniform(0, 2 * math.pi))
        if ratio * first_hz < _HIGHEST_HZ:
            level = number**-roll_off * (1.0 if number % 2 else sound.even) * _gain(sound.formants, ratio * first_hz)
            out += level * np.exp(-times_s * ratio**0.5 / sound.decay_s) * np.sin(2 * math.pi * ratio * cycles + phase)
    return out


def _vibrato(cents: float, times_s: Waveform) -> Waveform:
    """Time gained or lost, in seconds, by a wobble of `cents` at 5.5 Hz that sets in slowly."""
    depth, rate = (2 ** (cents / 1200) - 1) * np.minimum(1.0, times_s / 0.5), 2 * math.pi * 5.5
    return depth * np.sin(rate * times_s) / rate


def _gain(formants: tuple[Formant, ...], frequency_hz: float) -> float:
    distances = ((math.log2(frequency_hz / centre_hz) / _OCTAVES, gain_db) for centre_hz, gain_db in formants)
    return 10 ** (sum(gain_db * math.exp(-(distance**2)) for distance, gain_db in distances) / 20)


def _noise(first_hz: float, num_samples: int, draw: np.random.Generator) -> Waveform:
    """Noise around and above the note, standard deviation 1."""
    band = (0.8 * first_hz, min(6 * first_hz, _HIGHEST_HZ))
    heard = np.asarray(
        sosfilt(butter(2, band, "bandpass", fs=SAMPLE_RATE_HZ, output="sos"), draw.normal(size=num_samples))
    )
    return heard / heard.std()
