import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stages.performances.score import SAMPLE_RATE_HZ, Note, compose, draw_song, repeat_long

SEEDS = st.integers(0, 2**32 - 1)


@settings(max_examples=60, deadline=None)
@given(seed=SEEDS, duration_s=st.floats(2.0, 30.0), lowest=st.integers(40, 70), width=st.integers(14, 30))
def test_melodies_lie_in_their_span_scale_and_time(seed: int, duration_s: float, lowest: int, width: int) -> None:
    generator = np.random.default_rng(seed)
    song = draw_song(generator)
    notes = compose((lowest, lowest + width), song, duration_s, generator)
    assert notes
    assert all(lowest <= note.pitch <= lowest + width for note in notes)
    assert all((note.pitch - song.tonic) % 12 in song.scale for note in notes)
    assert all(0 < note.velocity <= 1 for note in notes)
    assert all(0 < note.start_sample < note.end_sample < duration_s * SAMPLE_RATE_HZ for note in notes)
    assert all(a.end_sample <= b.start_sample for a, b in itertools.pairwise(notes))


@settings(max_examples=60, deadline=None)
@given(length=st.integers(1000, 60000), longest_s=st.floats(0.15, 2.0))
def test_repeated_parts_tile_the_note(length: int, longest_s: float) -> None:
    parts = repeat_long((Note(500, 500 + length, 60, 0.8),), longest_s)
    assert parts[0].start_sample == 500
    assert parts[-1].end_sample == 500 + length
    assert all(a.end_sample == b.start_sample for a, b in itertools.pairwise(parts))
    assert max(part.end_s - part.start_s for part in parts) <= max(longest_s, 0.22) + 1e-3
    assert {part.pitch for part in parts} == {60}


def test_a_note_that_can_be_held_stays_one() -> None:
    note = Note(0, 40000, 60, 0.8)
    assert repeat_long((note,), float("inf")) == (note,)


@pytest.mark.parametrize("seed", range(5))
def test_there_are_rests(seed: int) -> None:
    generator = np.random.default_rng(seed)
    notes = compose((57, 80), draw_song(generator), 12.0, generator)
    sounding_s = sum(note.end_s - note.start_s for note in notes)
    assert 0.5 < sounding_s / 12.0 < 0.95
