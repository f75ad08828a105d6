"""What all winds must hold to: fingers by the fingering, hands at the tube, breath that shows every onset."""

from dataclasses import dataclass

import numpy as np
import pytest

from stages.performances.figure import FOREARM, UPPER_ARM
from stages.performances.geometry import Affine, Values, apply, invert
from stages.performances.players import clarinet, flute, saxophone
from stages.performances.players.instrument import Instrument
from stages.performances.players.trumpet import TRUMPET
from stages.performances.players.winds import Fingering, blow, presses
from stages.performances.score import Note
from tests.synth.performances import REST_S, TWO_PHRASES, notes_of

SIDES = ("left", "right")
TIMES_S = np.arange(0, 3.2, 1 / 24)
NOTES = notes_of(*TWO_PHRASES)


@dataclass(frozen=True)
class Wind:
    """A wind instrument, the part that fingers close, and its far end in that part's units."""

    instrument: Instrument
    tube: str
    end: tuple[float, float]
    fingering: Fingering


WINDS = {
    "flute": Wind(flute.FLUTE, "flute", (58.0, 0.0), flute.fingering),
    "clarinet": Wind(clarinet.CLARINET, "clarinet", (64.0, 0.0), clarinet.fingering),
    "saxophone": Wind(saxophone.SAXOPHONE, "saxophone", (20.0, -13.0), saxophone.fingering),
}


def on_tube(poses: dict[str, Affine], part: str, tube: str) -> tuple[Values, Values]:
    """A part's origin in the tube's units, (T,) each: along, across."""
    return apply(invert(poses[tube]), *apply(poses[part], 0.0, 0.0))


@pytest.mark.parametrize("name", WINDS)
def test_at_each_onset_fingers_are_where_the_fingering_wants_them(name: str) -> None:
    wind = WINDS[name]
    lowest, highest = wind.instrument.span
    pitches = [*range(lowest, highest + 1), lowest, highest]
    notes = notes_of(*((0.5 + 0.3 * i, 0.75 + 0.3 * i, pitch, 0.9) for i, pitch in enumerate(pitches)))
    poses = wind.instrument.pose(notes, np.array([note.start_s for note in notes]))
    across = [on_tube(poses, f"{side}_finger_{n}", wind.tube)[1] for side in SIDES for n in (1, 2, 3)]
    wanted = np.array([wind.fingering(note.pitch) for note in notes]).T
    assert np.abs(np.stack(across)[wanted == 1]).max() < 1e-6
    assert np.abs(np.stack(across)[wanted == 0]).min() > 3.5  # of 100 units in the picture's height


@pytest.mark.parametrize("name", WINDS)
def test_fingers_lie_side_by_side_down_the_tube_the_left_hand_nearer_to_the_mouth(name: str) -> None:
    poses = WINDS[name].instrument.pose(NOTES, TIMES_S)
    along = [on_tube(poses, f"{side}_finger_{n}", WINDS[name].tube)[0].mean() for side in SIDES for n in (1, 2, 3)]
    assert np.diff(along).min() > 1.9


@pytest.mark.parametrize("name", WINDS)
def test_hands_stay_at_the_tube_at_the_end_of_arms_that_never_grow(name: str) -> None:
    poses = WINDS[name].instrument.pose(NOTES, TIMES_S)
    for side in SIDES:
        assert np.abs(on_tube(poses, f"{side}_hand", WINDS[name].tube)[1]).max() < 7.0
        wrist = np.stack(apply(poses[f"{side}_forearm"], FOREARM, 0.0))
        assert np.allclose(wrist, np.stack(apply(poses[f"{side}_hand"], 0.0, 0.0)))
        elbow = np.stack(apply(poses[f"{side}_upper_arm"], UPPER_ARM, 0.0))
        assert np.allclose(elbow, np.stack(apply(poses[f"{side}_forearm"], 0.0, 0.0)))
        for bone in ("upper_arm", "forearm"):
            stretch = np.hypot(poses[f"{side}_{bone}"][:, 0, 0], poses[f"{side}_{bone}"][:, 1, 0])
            assert 0.4 < stretch.min() <= stretch.max() < 1.05


@pytest.mark.parametrize("name", WINDS)
def test_elbows_hang_at_every_pitch_and_loudness(name: str) -> None:
    lowest, highest = WINDS[name].instrument.span
    times_s = np.arange(0.0, 1.0, 0.01)
    for pitch in (lowest, (lowest + highest) // 2, highest):
        poses = WINDS[name].instrument.pose(notes_of((0.3, 0.8, pitch, 1.0)), times_s)
        for side in SIDES:
            shoulder = apply(poses[f"{side}_upper_arm"], 0.0, 0.0)
            elbow = apply(poses[f"{side}_upper_arm"], UPPER_ARM, 0.0)
            assert (elbow[1] - shoulder[1]).min() > 0.0
            assert np.hypot(np.diff(elbow[0]), np.diff(elbow[1])).max() < 3.0  # 300 units a second


@pytest.mark.parametrize("name", WINDS)
def test_breath_swings_the_far_end_upwards_and_louder_notes_more(name: str) -> None:
    wind = WINDS[name]
    notes = notes_of((0.5, 1.0, 70, 0.6), (2.0, 2.5, 70, 1.0))
    poses = wind.instrument.pose(notes, np.array([0.2, 0.75, 1.5, 2.25, 3.0]))
    end = np.stack(apply(poses[wind.tube], *wind.end), axis=1)
    rest, soft, between, loud, after = end
    assert np.array_equal(rest, between)
    assert np.array_equal(rest, after)
    assert rest[1] > soft[1] > loud[1]  # y points down
    assert np.hypot(*(soft - rest)) > 3.0
    assert np.hypot(*(loud - rest)) > 1.3 * np.hypot(*(soft - rest))


@pytest.mark.parametrize("name", WINDS)
def test_a_repeated_pitch_moves_the_far_end_though_no_finger_moves(name: str) -> None:
    wind = WINDS[name]
    notes = notes_of(*((0.4 + 0.3 * i, 0.66 + 0.3 * i, 70, 0.6) for i in range(5)))
    poses = wind.instrument.pose(notes, TIMES_S)
    speed = np.hypot(*np.diff(np.stack(apply(poses[wind.tube], *wind.end)), axis=1))
    middle_s = (TIMES_S[1:] + TIMES_S[:-1]) / 2
    for note in notes:
        assert speed[np.abs(middle_s - note.start_s) < 0.1].max() > 1.0  # units a frame: 1.3 px at 128 px
    later = notes[0].start_s < TIMES_S
    for finger in (f"{side}_finger_{n}" for side in SIDES for n in (1, 2, 3)):
        assert np.ptp(on_tube(poses, finger, wind.tube)[1][later]) < 1e-6


@pytest.mark.parametrize("wind", [TRUMPET, *(wind.instrument for wind in WINDS.values())])
def test_a_player_without_notes_is_there_and_keeps_still(wind: Instrument) -> None:
    names = set(wind.pose(NOTES, TIMES_S))
    poses = wind.pose((), TIMES_S)
    assert set(poses) == names
    assert all(np.ptp(affine, axis=0).max() == 0 for affine in poses.values() if affine.ndim == 3)


def test_breath_follows_loudness_and_high_notes_lift_more() -> None:
    notes = (Note(11025, 22050, 60, 0.8), Note(33075, 44100, 72, 0.8))
    blown = blow(notes, np.array([0.2, 0.75, 1.25, 1.75]), middle_pitch=60)
    assert blown.breath == pytest.approx([0.0, 0.8, 0.0, 0.8])
    assert blown.lift == pytest.approx([0.0, 0.8, 0.0, 0.8 * 1.35])


def test_a_finger_is_down_from_its_notes_onset_to_the_next() -> None:
    pressed = presses(NOTES, TIMES_S, lambda pitch: (pitch % 2, 1))
    odd = np.array([note.pitch % 2 for note in NOTES])
    onsets = [int(np.searchsorted(TIMES_S, note.start_s)) for note in NOTES]
    assert [pressed[0][frame] for frame in onsets] == pytest.approx(odd)
    assert pressed[1][: onsets[0] - 2].max() == 0.0
    assert pressed[1][onsets[0] :].min() == pytest.approx(1.0)
    resting = (REST_S[0] < TIMES_S) & (REST_S[1] > TIMES_S)
    assert np.ptp(pressed[0][resting]) == 0.0


def test_fingerings_are_those_of_a_boehm_flute() -> None:
    known = {
        62: (1, 1, 1, 1, 1, 1),
        64: (1, 1, 1, 1, 1, 0),
        66: (1, 1, 1, 0, 0, 1),
        69: (1, 1, 0, 0, 0, 0),
        73: (0, 0, 0, 0, 0, 0),
        74: (0, 1, 1, 1, 1, 1),  # the first finger opens a vent
        76: (1, 1, 1, 1, 1, 0),
        83: (1, 0, 0, 0, 0, 0),
    }
    assert {pitch: flute.fingering(pitch) for pitch in known} == known


def test_fingerings_are_those_of_a_b_flat_clarinet() -> None:
    # Sounding pitches; written ones are a whole tone higher.
    low = {
        51: (1, 1, 1, 1, 1, 1),  # written F
        55: (1, 1, 1, 1, 1, 0),  # A
        57: (1, 1, 1, 0, 1, 0),  # B
        58: (1, 1, 1, 0, 0, 0),  # C
        60: (1, 1, 0, 0, 0, 0),  # D
        62: (1, 0, 0, 0, 0, 0),  # E
        65: (0, 0, 0, 0, 0, 0),  # G, the open note
    }
    assert {pitch: clarinet.fingering(pitch) for pitch in low} == low
    assert all(clarinet.fingering(pitch + 19) == low[pitch] for pitch in low if pitch + 19 <= 82)


def test_fingerings_are_those_of_an_alto_saxophone() -> None:
    # Sounding pitches; written ones are a major sixth higher.
    known = {
        50: (1, 1, 1, 1, 1, 1),  # written B
        53: (1, 1, 1, 1, 1, 1),  # D
        55: (1, 1, 1, 1, 1, 0),  # E
        57: (1, 1, 1, 0, 1, 0),  # F sharp
        58: (1, 1, 1, 0, 0, 0),  # G
        62: (1, 0, 0, 0, 0, 0),  # B
        63: (0, 1, 0, 0, 0, 0),  # C
        64: (0, 0, 0, 0, 0, 0),  # C sharp
        65: (1, 1, 1, 1, 1, 1),  # D, an octave higher
        76: (0, 0, 0, 0, 0, 0),
        77: (0, 0, 0, 0, 0, 0),  # D with palm keys
    }
    assert {pitch: saxophone.fingering(pitch) for pitch in known} == known
