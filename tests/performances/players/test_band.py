from itertools import combinations

import numpy as np
import pytest

from stages.performances.figure import FOREARM, draw_outfit
from stages.performances.geometry import apply, invert
from stages.performances.players import tuba
from stages.performances.players.accordion import ACCORDION, hand_keys, key_y, natural
from stages.performances.players.band import BAND, instrument
from stages.performances.players.cello import CELLO, stop
from stages.performances.players.instrument import Instrument
from stages.performances.players.trumpet import fingering
from stages.performances.players.violin import VIOLIN
from stages.performances.players.xylophone import XYLOPHONE, bar, share_hands
from stages.performances.score import Note
from tests.synth.performances import REST_S, TWO_PHRASES, notes_of

NOTES = notes_of(*TWO_PHRASES)
TIMES_S = np.arange(0, 3.2, 1 / 24)


@pytest.mark.parametrize("name", BAND)
def test_every_part_has_a_name_of_its_own_and_a_finite_place_in_each_frame(name: str) -> None:
    generator = np.random.default_rng(0)
    parts = BAND[name].parts(draw_outfit(generator), generator)
    poses = BAND[name].pose(NOTES, TIMES_S)
    names = [part.name for part in parts]
    assert len(set(names)) == len(names)
    assert set(BAND[name].driven) <= set(names) == set(poses)
    assert all(
        np.isfinite(affine).all() and affine.shape in ((2, 3), (len(TIMES_S), 2, 3)) for affine in poses.values()
    )
    assert {part.role for part in parts} == {"body", "instrument"}
    assert all(part.outlines for part in parts)


@pytest.mark.parametrize("name", BAND)
def test_driven_parts_move_with_notes_and_not_in_rests(name: str) -> None:
    poses = BAND[name].pose(NOTES, TIMES_S)
    speeds = [np.abs(np.diff(poses[part], axis=0)).max(axis=(1, 2)) for part in BAND[name].driven]
    fastest = np.max(speeds, axis=0)
    middle_s = (TIMES_S[1:] + TIMES_S[:-1]) / 2
    assert fastest[(middle_s > REST_S[0]) & (middle_s < REST_S[1])].max() < 1e-9
    for note in NOTES:
        assert fastest[np.abs(middle_s - note.start_s) < 0.15].max() > 0.5  # units a frame


@pytest.mark.parametrize("name", BAND)
def test_poses_do_not_jump(name: str) -> None:
    fine_s = np.arange(0, 3.2, 0.002)
    for affine in BAND[name].pose(NOTES, fine_s).values():
        if affine.ndim == 3:
            assert np.abs(np.diff(affine[..., 2], axis=0)).max() < 1.2  # 600 units a second


@pytest.mark.parametrize("pair", list(combinations(BAND, 2)))
def test_pitch_ranges_overlap_by_an_octave_and_more_a_tubas_by_a_fifth(pair: tuple[str, str]) -> None:
    (low_a, high_a), (low_b, high_b) = (BAND[name].span for name in pair)
    assert min(high_a, high_b) - max(low_a, low_b) >= (7 if "tuba" in pair else 12)


def test_an_unknown_instrument_is_refused_with_those_that_exist() -> None:
    with pytest.raises(ValueError, match=r"'kazoo' cannot be played.*acoustic_guitar.*xylophone"):
        instrument("kazoo")


def test_a_mallet_is_on_the_bar_of_the_note_at_its_onset() -> None:
    notes = notes_of((0.5, 0.7, 60, 1.0), (1.0, 1.2, 84, 0.9), (1.5, 1.7, 70, 0.9), (2.0, 2.2, 72, 0.9))
    poses = XYLOPHONE.pose(notes, np.array([note.start_s for note in notes]))
    for frame, (note, hand) in enumerate(zip(notes, share_hands(notes), strict=True)):
        head = apply(poses[f"{hand}_mallet"][frame], 20.0, 0.0)
        assert head == pytest.approx(bar(note.pitch), abs=1e-6)


def test_bars_are_where_a_keyboard_has_them() -> None:
    naturals = [bar(pitch)[0] for pitch in (60, 62, 64, 65, 67, 69, 71, 72)]
    assert np.diff(naturals) == pytest.approx(np.full(7, naturals[1] - naturals[0]))
    assert bar(61)[0] == pytest.approx((bar(60)[0] + bar(62)[0]) / 2)
    assert bar(61)[1] < bar(60)[1]


@pytest.mark.parametrize(("played", "name", "along"), [(VIOLIN, "violin", 21.0), (CELLO, "cello", 39.0)])
def test_the_bow_always_crosses_the_strings_at_one_place(played: Instrument, name: str, along: float) -> None:
    poses = played.pose(NOTES, TIMES_S)
    contact = apply(poses[name], along, 0.0)
    start, end = apply(poses["bow"], 0.0, 0.0), apply(poses["bow"], 60.0, 0.0)
    cross = (end[0] - start[0]) * (contact[1] - start[1]) - (end[1] - start[1]) * (contact[0] - start[0])
    assert np.abs(cross / np.hypot(end[0] - start[0], end[1] - start[1])).max() < 1e-6
    share = np.hypot(contact[0] - start[0], contact[1] - start[1]) / np.hypot(end[0] - start[0], end[1] - start[1])
    assert share.min() > 0.05
    assert share.max() < 0.95


@pytest.mark.parametrize("played", [CELLO, ACCORDION, tuba.TUBA])
def test_hands_are_at_the_end_of_arms_that_hardly_grow_whatever_is_played(played: Instrument) -> None:
    lowest, highest = played.span
    notes = notes_of(*((0.5 + 2 * i, 2.4 + 2 * i, pitch, 1.0) for i, pitch in enumerate(range(lowest, highest + 1))))
    poses = played.pose(notes, np.arange(0, notes[-1].end_s, 1 / 12))
    for side in ("left", "right"):
        wrist = np.stack(apply(poses[f"{side}_forearm"], FOREARM, 0.0))
        assert np.allclose(wrist, np.stack(apply(poses[f"{side}_hand"], 0.0, 0.0)))
        for bone in ("upper_arm", "forearm"):
            stretch = np.hypot(poses[f"{side}_{bone}"][:, 0, 0], poses[f"{side}_{bone}"][:, 1, 0])
            assert 0.5 < stretch.min() <= stretch.max() < 1.12


def test_a_cello_string_is_stopped_at_its_half_for_the_octave_and_at_two_thirds_for_the_fifth() -> None:
    bridge_x, nut_x = 32.0, 102.0
    assert stop(69) == (3, pytest.approx((bridge_x + nut_x) / 2))
    assert stop(64)[1] - bridge_x == pytest.approx((nut_x - bridge_x) * 2 / 3, rel=0.002)  # tempered
    assert [stop(pitch)[0] for pitch in (36, 42, 43, 50, 56, 57, 79)] == [0, 0, 1, 2, 2, 3, 3]


def test_the_cellists_hand_is_where_the_string_is_stopped_at_each_onset() -> None:
    poses = CELLO.pose(NOTES, np.array([note.start_s for note in NOTES]))
    hands = np.stack(apply(poses["left_hand"], 0.0, 0.0), -1)
    places = [apply(poses["cello"], stop(note.pitch)[1], 1.5) for note in NOTES]
    assert hands == pytest.approx(np.array(places), abs=1e-6)


def test_the_key_under_a_finger_of_the_hand_is_the_notes_and_is_pressed_while_it_sounds() -> None:
    notes = notes_of((0.5, 0.9, 55, 1.0), (1.0, 1.4, 84, 0.9), (1.5, 1.9, 83, 0.9), (2.0, 2.4, 60, 0.9))
    poses = ACCORDION.pose(notes, np.array([[note.start_s, note.start_s + 0.2] for note in notes]).ravel())
    treble = invert(poses["treble_box"])
    for index, (note, anchor) in enumerate(zip(notes, hand_keys(notes), strict=True)):
        finger = poses[f"finger_{natural(note.pitch) - anchor}"]
        before, down = (apply(treble, *apply(finger[2 * index + moment], 0.0, 0.0)) for moment in (0, 1))
        assert before[1] == pytest.approx(key_y(natural(note.pitch)))
        assert down[0] - before[0] > 1.5


def test_the_hand_stays_where_its_fingers_reach() -> None:
    pitches = (67, 69, 71, 72, 74, 72, 67)  # naturals 8 to 12 above the lowest F
    notes = notes_of(*((0.5 * i, 0.5 * i + 0.4, pitch, 0.9) for i, pitch in enumerate(pitches)))
    assert hand_keys(notes) == [8, 8, 8, 8, 9, 9, 8]


def test_keys_are_those_of_a_keyboard_of_41_from_f() -> None:
    assert [natural(pitch) for pitch in (53, 54, 55, 59, 60, 61, 62, 65, 93)] == [0, 0, 1, 3, 4, 4, 5, 7, 23]


def test_pleats_fill_the_room_between_the_boxes_and_never_cross() -> None:
    notes = notes_of((0.2, 1.2, 67, 1.0))
    poses = ACCORDION.pose(notes, TIMES_S)
    treble = invert(poses["treble_box"])
    folds = [poses[f"pleat_{number}"] for number in range(9)] + [poses["bass_box"]]
    for y in (0.0, 20.0, 40.0):
        x = np.array([apply(treble, *apply(fold, 0.0, y))[0] for fold in folds])
        assert x[0] == pytest.approx(0.0, abs=1e-9)
        assert np.diff(x, axis=0).min() > 0.5
        assert np.diff(x, axis=0).max() < 5.0  # a pleat's width


def test_fingerings_are_those_of_a_b_flat_trumpet() -> None:
    # Sounding pitches; written ones are a whole tone higher.
    known = {58: (0, 0, 0), 60: (1, 0, 1), 62: (1, 1, 0), 63: (1, 0, 0), 64: (0, 1, 0), 65: (0, 0, 0), 69: (0, 1, 0)}
    assert {pitch: fingering(pitch) for pitch in known} == known


def test_fingerings_are_those_of_a_contrabass_tuba_in_b_flat() -> None:
    known = {46: (0, 0, 0), 48: (1, 0, 0), 49: (0, 1, 0), 51: (1, 0, 0), 55: (1, 1, 0), 56: (1, 0, 0), 57: (0, 1, 0)}
    known |= {58: (0, 0, 0), 63: (1, 0, 0), 64: (0, 1, 0), 65: (0, 0, 0), 67: (1, 1, 0)}
    assert {pitch: tuba.fingering(pitch) for pitch in known} == known


def test_what_touches_the_tuba_goes_with_it() -> None:
    poses = tuba.TUBA.pose(NOTES, TIMES_S)
    inside = invert(poses["tuba"])
    for part in ("head", "left_hand", "right_hand"):
        assert np.ptp(np.stack(apply(poses[part], 0.0, 0.0)), axis=1).max() > 0.5
        assert np.ptp(np.stack(apply(inside, *apply(poses[part], 0.0, 0.0))), axis=1).max() < 1e-6
    for number in (1, 2, 3):
        button = apply(poses[f"valve_{number}"], 0.0, -7.6)
        finger = apply(poses[f"finger_{number}"], 0.0, 0.0)
        assert np.hypot(finger[0] - button[0], finger[1] - button[1]).max() < 1.5


@pytest.mark.parametrize("name", BAND)
def test_a_note_at_either_end_of_the_span_can_be_posed(name: str) -> None:
    for pitch in BAND[name].span:
        poses = BAND[name].pose((Note(8000, 20000, pitch, 0.7),), TIMES_S)
        assert all(np.abs(affine[..., 2]).max() < 90 for affine in poses.values())
