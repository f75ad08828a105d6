"""Melodies: who sounds when, and at which pitch. All instruments share one way to draw rhythms."""

import math
from dataclasses import dataclass

import numpy as np

SAMPLE_RATE_HZ = 22050  # of all rendered sound; the note samples have the same

_SCALES = ((0, 2, 4, 5, 7, 9, 11), (0, 2, 3, 5, 7, 8, 10), (0, 2, 4, 7, 9))
_BEATS = (0.5, 0.5, 0.5, 1.0, 1.0, 1.5, 2.0)
_LEAD_IN_S = 0.35
_TAIL_S = 0.3
_SHORTEST_LAST_S = 0.25
_SHORTEST_PART_S = 0.11


@dataclass(frozen=True, slots=True)
class Note:
    """One note, half-open in samples of the video's own clock."""

    start_sample: int
    end_sample: int
    pitch: int  # MIDI number
    velocity: float  # (0, 1]

    @property
    def start_s(self) -> float:
        """Onset in seconds."""
        return self.start_sample / SAMPLE_RATE_HZ

    @property
    def end_s(self) -> float:
        """End in seconds."""
        return self.end_sample / SAMPLE_RATE_HZ


@dataclass(frozen=True, slots=True)
class Song:
    """What players of one video share."""

    tempo_bpm: float
    tonic: int  # 0..11
    scale: tuple[int, ...]  # semitones above the tonic


def draw_song(generator: np.random.Generator) -> Song:
    """Tempo, key and scale."""
    scale = _SCALES[int(generator.integers(len(_SCALES)))]
    return Song(float(generator.uniform(84, 126)), int(generator.integers(12)), scale)


def compose(span: tuple[int, int], song: Song, duration_s: float, generator: np.random.Generator) -> tuple[Note, ...]:
    """A melody of phrases and rests: a random walk on the scale within a register of about an octave.

    Args:
        span: Lowest and highest MIDI pitch that may be written, inclusive.
        song: Tempo, key and scale.
        duration_s: Length of the video; the last note ends before it.
        generator: Source of every choice.

    Returns:
        Notes in time order, none overlapping.
    """
    pitches = _register(span, song, generator)
    beat_s = 60.0 / song.tempo_bpm
    time_s = _LEAD_IN_S + float(generator.uniform(0, 0.4))
    step, left_in_phrase, notes = int(generator.integers(len(pitches))), int(generator.integers(3, 8)), list[Note]()
    while (left_s := duration_s - _TAIL_S - time_s) >= _SHORTEST_LAST_S:
        length_s = min(float(generator.choice(_BEATS)) * beat_s, left_s)
        velocity = float(generator.uniform(0.55, 1.0))
        end_s = time_s + length_s * float(generator.uniform(0.82, 0.97))
        notes.append(Note(_samples(time_s), _samples(end_s), pitches[step], velocity))
        step = _walk(step, len(pitches), generator)
        time_s += length_s
        left_in_phrase -= 1
        if left_in_phrase == 0:
            time_s += float(generator.choice((0.5, 1.0, 1.5))) * beat_s
            left_in_phrase = int(generator.integers(3, 8))
    return tuple(notes)


def repeat_long(notes: tuple[Note, ...], longest_s: float) -> tuple[Note, ...]:
    """Notes that an instrument cannot hold are struck again: split into equal parts of at most `longest_s`."""
    return tuple(part for note in notes for part in _parts(note, longest_s))


def _parts(note: Note, longest_s: float) -> list[Note]:
    length = note.end_sample - note.start_sample
    count = max(1, math.ceil(length / (longest_s * SAMPLE_RATE_HZ)))
    count = max(1, min(count, int(length / (_SHORTEST_PART_S * SAMPLE_RATE_HZ))))
    edges = [note.start_sample + length * part // count for part in range(count + 1)]
    fades = (note.velocity * (1.0 if part % 2 == 0 else 0.85) for part in range(count))
    return [Note(a, b, note.pitch, v) for a, b, v in zip(edges[:-1], edges[1:], fades, strict=True)]


def _register(span: tuple[int, int], song: Song, generator: np.random.Generator) -> list[int]:
    lowest, highest = span
    bottom = int(generator.integers(lowest, max(lowest + 1, highest - 13)))
    inside = range(bottom, min(highest, bottom + 15) + 1)
    return [pitch for pitch in inside if (pitch - song.tonic) % 12 in song.scale]


def _walk(step: int, count: int, generator: np.random.Generator) -> int:
    moved = step + int(generator.choice((-3, -2, -1, -1, 1, 1, 2, 3)))
    return moved if 0 <= moved < count else step + (1 if moved < 0 else -1)


def _samples(time_s: float) -> int:
    return math.ceil(time_s * SAMPLE_RATE_HZ - 1e-9)
