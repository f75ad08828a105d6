"""Notes -> waveform, from one of two banks.

Recorded: the committed note samples (samples/LICENSE; rendered by infra/render_samples.py). Modelled: notes computed by
modelled.py, at the same pitches.
"""

import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
import soundfile
from numpy.typing import NDArray
from scipy.signal import resample

from stages.performances.modelled import model_note
from stages.performances.score import SAMPLE_RATE_HZ, Note

Waveform = NDArray[np.float64]

_SAMPLES = Path(__file__).parent / "samples"
_LOUD = 0.78  # velocity from which the loud layer is taken
_CENTS_JITTER = 5.0
_MODELLED = "modelled"  # voice of every instrument in the second bank


@dataclass(frozen=True, slots=True)
class Sample:
    """One note of a bank."""

    pitch: float  # MIDI number; measured where the note is recorded, so no whole one
    loud: bool
    waveform: Waveform  # (S,)


@dataclass(frozen=True, slots=True)
class Timbre:
    """What makes two instruments of one kind sound different before any room is added."""

    voice: str  # "<instrument>.<voice>" of the samples' index
    detune_cents: float  # tuning of the whole instrument
    formant_shift: float  # semitones: notes are taken from samples this much higher and played slower (or the reverse)


def voices(instrument: str) -> tuple[str, ...]:
    """Names of an instrument's recorded voices; ValueError where it has no samples."""
    found = tuple(sorted(name for name in _index()["voices"] if name.split(".")[0] == instrument))
    if not found:
        raise ValueError(f"{_SAMPLES}: no samples of {instrument!r}; render them with infra/render_samples.py")
    return found


def modelled_voice(instrument: str) -> str:
    """Name of an instrument's voice in the second bank."""
    return f"{instrument}.{_MODELLED}"


def draw_timbre(instrument: str, generator: np.random.Generator, *, modelled: bool) -> Timbre:
    """A voice of either bank, a tuning within +-25 cents, a formant shift within +-3 semitones."""
    voice = modelled_voice(instrument) if modelled else str(generator.choice(voices(instrument)))
    return Timbre(voice, float(generator.uniform(-25, 25)), float(generator.uniform(-3, 3)))


@dataclass(frozen=True, slots=True)
class Touch:
    """How an instrument's notes begin and end."""

    release_s: float  # time to fall to silence after a note's end
    rings: bool  # True: a note lasts as long as its sample, whatever follows


def play(
    notes: tuple[Note, ...], timbre: Timbre, touch: Touch, num_samples: int, generator: np.random.Generator
) -> Waveform:
    """Waveform (num_samples,) of a melody, dry, at SAMPLE_RATE_HZ, about 0.7 at a loud note's peak."""
    out = np.zeros(num_samples)
    for note in notes:
        shift = (timbre.detune_cents + float(generator.uniform(-_CENTS_JITTER, _CENTS_JITTER))) / 100
        length = num_samples if touch.rings else note.end_sample - note.start_sample
        waveform = play_note(timbre, note.pitch + shift, note.velocity, length, round(touch.release_s * SAMPLE_RATE_HZ))
        end = min(num_samples, note.start_sample + len(waveform))
        out[note.start_sample : end] += waveform[: end - note.start_sample]
    return out


def play_note(timbre: Timbre, pitch: float, velocity: float, hold_samples: int, release_samples: int) -> Waveform:
    """One note held for `hold_samples`, then faded over `release_samples`; shorter where the sample ends earlier."""
    sample = _nearest(timbre, pitch, loud=velocity >= _LOUD)
    ratio = 2.0 ** ((sample.pitch - pitch) / 12)
    # Only what will be heard is resampled; the margin keeps the resampler's wrap-around away from it.
    needed = round((hold_samples + release_samples) / ratio) + 2048
    source = sample.waveform[:needed]
    waveform = np.asarray(resample(source, round(len(source) * ratio)))[: hold_samples + release_samples]
    fade = np.clip((hold_samples + release_samples - np.arange(len(waveform))) / max(release_samples, 1), 0.0, 1.0)
    return waveform * fade * velocity


def _nearest(timbre: Timbre, pitch: float, *, loud: bool) -> Sample:
    wanted = pitch + timbre.formant_shift
    return min((s for s in _voice(timbre.voice) if s.loud == loud), key=lambda sample: abs(sample.pitch - wanted))


@cache
def _index() -> dict[str, dict[str, dict[str, list[dict[str, float]]]]]:
    return json.loads((_SAMPLES / "index.json").read_text(encoding="utf-8"))


def _voice(name: str) -> tuple[Sample, ...]:
    instrument, _, voice = name.partition(".")
    return _modelled(instrument) if voice == _MODELLED else _recorded(name)


@cache
def _modelled(instrument: str) -> tuple[Sample, ...]:
    kept = {int(note["pitch"]) for name in voices(instrument) for note in _index()["voices"][name]["notes"]}
    return tuple(
        Sample(pitch, loud, model_note(instrument, pitch, loud=loud))
        for pitch in sorted(kept)
        for loud in (False, True)
    )


@cache
def _recorded(name: str) -> tuple[Sample, ...]:
    read, rate_hz = soundfile.read(_SAMPLES / f"{name}.ogg", dtype="float64")
    waveform = np.asarray(read, np.float64)
    if rate_hz != SAMPLE_RATE_HZ:
        raise ValueError(
            f"{_SAMPLES / name}.ogg: expected {SAMPLE_RATE_HZ} Hz, found {rate_hz}; render the samples again"
        )
    notes = _index()["voices"][name]["notes"]
    loudest = max(note["velocity"] for note in notes)
    return tuple(
        Sample(
            note["pitch"] + note["cents"] / 100,
            note["velocity"] == loudest,
            waveform[int(note["start"]) : int(note["end"])],
        )
        for note in notes
    )
