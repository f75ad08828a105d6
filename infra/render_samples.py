"""Renders the note samples of the built-in corpus from a General MIDI soundfont. Run by hand, never by the pipeline.

    apt install fluid-soundfont-gm; pip install pyfluidsynth numpy scipy soundfile   # in an environment of its own
    python infra/render_samples.py /usr/share/sounds/sf2/FluidR3_GM.sf2 stages/performances/samples

One Ogg Vorbis file for each voice holds its notes back to back; index.json says where each begins, which pitch and
velocity it has. A new instrument is one line in VOICES. An Ogg stream carries a random serial number: where a file
decodes to the samples that the committed one has, keep the committed bytes.
"""

import json
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import soundfile
from scipy.signal import resample_poly

RENDER_RATE_HZ = 44100
SAMPLE_RATE_HZ = 22050
VELOCITIES = (58, 104)  # MIDI velocities of the two layers
PITCH_STEP = 3  # semitones between samples, so that a note is shifted by at most 1.5 (plus the wanted timbre shift)
FLOOR_DB = -50.0  # a sample begins where it rises above this level relative to its peak
PEAK = 0.7


@dataclass(frozen=True)
class Voice:
    """One soundfont program played as one voice of an instrument."""

    instrument: str
    name: str
    program: int  # General MIDI program, from 0
    lowest: int  # MIDI pitch
    highest: int
    duration_s: float


VOICES = (
    Voice("violin", "concert", 40, 55, 91, 2.6),
    Voice("acoustic_guitar", "nylon", 24, 49, 85, 2.4),
    Voice("acoustic_guitar", "steel", 25, 49, 85, 2.4),
    Voice("xylophone", "rosewood", 13, 58, 91, 1.2),
    Voice("trumpet", "brass", 56, 52, 88, 2.6),
    Voice("cello", "concert", 42, 37, 82, 2.6),
    Voice("accordion", "reed", 21, 46, 91, 2.4),
    Voice("tuba", "brass", 58, 28, 70, 2.4),
    Voice("flute", "concert", 73, 58, 97, 2.4),
    Voice("clarinet", "b_flat", 71, 49, 91, 2.4),
    Voice("saxophone", "alto", 65, 46, 82, 2.4),
    Voice("saxophone", "tenor", 66, 40, 79, 2.4),
)


def main(soundfont: Path, folder: Path) -> None:
    """Render every voice into `folder`."""
    import fluidsynth  # pyright: ignore[reportMissingImports]

    synth: Any = fluidsynth.Synth(gain=0.8, samplerate=float(RENDER_RATE_HZ))
    synth.setting("synth.reverb.active", 0)
    synth.setting("synth.chorus.active", 0)
    bank = synth.sfload(str(soundfont))
    index = {f"{voice.instrument}.{voice.name}": render_voice(synth, bank, voice, folder) for voice in VOICES}
    content = {"sample_rate_hz": SAMPLE_RATE_HZ, "source": soundfont.name, "voices": index}
    (folder / "index.json").write_text(json.dumps(content, indent=1, sort_keys=True) + "\n", encoding="utf-8")


def render_voice(synth: Any, bank: int, voice: Voice, folder: Path) -> dict[str, Any]:
    """Write one voice's file; return its entry of the index."""
    synth.program_select(0, bank, 0, voice.program)
    notes: list[dict[str, float]] = []
    waveforms: list[np.ndarray] = []
    start = 0
    for pitch in range(voice.lowest, voice.highest + 1, PITCH_STEP):
        for velocity in VELOCITIES:
            waveform = render_note(synth, pitch, velocity, voice.duration_s)
            where = {"start": start, "end": start + len(waveform)}
            notes.append({"pitch": pitch, "velocity": velocity, "cents": mistuning_cents(waveform, pitch), **where})
            waveforms.append(waveform)
            start += len(waveform)
    name = f"{voice.instrument}.{voice.name}.ogg"
    soundfile.write(
        folder / name, np.concatenate(waveforms), SAMPLE_RATE_HZ, format="OGG", subtype="VORBIS", compression_level=0.4
    )
    return {"file": name, "program": voice.program, "notes": notes}


def render_note(synth: Any, pitch: int, velocity: int, duration_s: float) -> np.ndarray:
    """Mono waveform of one held note, cut to its attack, faded at its end, peak at PEAK."""
    synth.noteon(0, pitch, velocity)
    stereo = synth.get_samples(int((duration_s + 0.3) * RENDER_RATE_HZ)).reshape(-1, 2).astype(np.float64)
    synth.noteoff(0, pitch)
    synth.get_samples(3 * RENDER_RATE_HZ)  # lets the release die away before the next note
    mono = resample_poly(stereo.mean(axis=1), SAMPLE_RATE_HZ, RENDER_RATE_HZ)
    mono *= PEAK / np.abs(mono).max()
    loud = np.flatnonzero(np.abs(mono) > PEAK * 10 ** (FLOOR_DB / 20))
    start = max(0, int(loud[0]) - SAMPLE_RATE_HZ // 500)
    mono = mono[start : start + int(duration_s * SAMPLE_RATE_HZ)]
    fade = np.minimum(1.0, np.arange(len(mono), 0, -1) / (0.15 * SAMPLE_RATE_HZ))
    return mono * fade


def mistuning_cents(waveform: np.ndarray, pitch: int) -> float:
    """How far a note lies above its pitch, by the autocorrelation peak within a whole tone; vibrato averages out."""
    start, end = int(0.04 * SAMPLE_RATE_HZ), int(1.6 * SAMPLE_RATE_HZ)
    part = waveform[start:end] * np.hanning(len(waveform[start:end]))
    correlation = np.fft.irfft(np.abs(np.fft.rfft(part, 4 * end)) ** 2)
    period = SAMPLE_RATE_HZ / (440.0 * 2 ** ((pitch - 69) / 12))
    lags = np.arange(int(period / 1.12), int(period * 1.12) + 2)
    peak = int(lags[np.argmax(correlation[lags])])
    before, top, after = correlation[peak - 1 : peak + 2]
    lag = peak + 0.5 * (before - after) / (before - 2 * top + after)
    return round(float(1200 * np.log2(period / lag)), 1)


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
