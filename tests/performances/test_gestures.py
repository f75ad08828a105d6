import numpy as np
import pytest

from stages.performances.gestures import arrive, bellows, bowing, plucking, sounding, striking
from tests.synth.performances import REST_S, TWO_PHRASES, notes_of

NOTES = notes_of(*TWO_PHRASES)
TIMES_S = np.arange(0.0, 3.2, 0.001)
REST = (REST_S[0] < TIMES_S) & (REST_S[1] > TIMES_S)


def at(values: np.ndarray, time_s: float) -> float:
    return float(values[round(time_s * 1000)])


def test_the_bow_turns_at_each_onset_moves_while_a_note_sounds_and_rests_else() -> None:
    bow = bowing(TIMES_S, NOTES, shortest=4.0, longest=16.0)
    speed = np.diff(bow)
    directions = []
    for note in NOTES:
        during = (TIMES_S[:-1] > note.start_s + 0.002) & (TIMES_S[:-1] < note.end_s - 0.002)
        assert np.abs(speed[during]).min() > 0.005  # 5 units a second
        directions.append(np.sign(speed[during]).mean())
    assert directions in ([1, -1, 1, -1], [-1, 1, -1, 1])
    assert not speed[REST[:-1]].any()
    assert np.abs(bow).max() <= 16.0


def test_bellows_move_while_a_note_sounds_and_rest_else() -> None:
    opening = bellows(TIMES_S, NOTES, speed=22.0, reach=24.0)
    speed = np.diff(opening) / 0.001
    for note in NOTES:
        during = (TIMES_S[:-1] > note.start_s + 0.002) & (TIMES_S[:-1] < note.end_s - 0.002)
        assert np.abs(speed[during]) == pytest.approx(22.0 * note.velocity)
    assert not speed[REST[:-1]].any()


def test_bellows_turn_only_at_onsets_where_the_room_is_used_up() -> None:
    # 0.5 s at 10 units a second each: 5, 10, then 15 would be beyond 12, so back to 5 and 0, then out again.
    notes = notes_of(*((float(i), i + 0.5, 60, 1.0) for i in range(5)))
    opening = bellows(np.arange(0.0, 6.0, 0.01), notes, speed=10.0, reach=12.0)
    assert opening[90::100][:5] == pytest.approx([5.0, 10.0, 5.0, 0.0, 5.0])


def test_a_note_longer_than_the_bellows_takes_the_roomier_way_to_its_end() -> None:
    notes = notes_of((0.0, 0.4, 60, 1.0), (1.0, 4.0, 60, 1.0), (5.0, 8.0, 60, 1.0))
    times_s = np.arange(0.0, 9.0, 0.01)
    opening = bellows(times_s, notes, speed=10.0, reach=12.0)
    assert [opening[round(100 * time_s)] for time_s in (0.5, 4.5, 8.5)] == pytest.approx([4.0, 12.0, 0.0])
    assert np.abs(np.diff(opening[100:400])) == pytest.approx(8.0 / 300)


def test_the_plucking_hand_crosses_the_strings_at_each_onset_and_waits_else() -> None:
    side = plucking(TIMES_S, NOTES, stroke_s=0.15)
    for note in NOTES:
        assert at(side, note.start_s) == pytest.approx(0.0, abs=0.02)
        assert at(side, note.start_s - 0.02) * at(side, note.start_s + 0.02) < 0
    assert np.ptp(side[REST]) == pytest.approx(0.0, abs=1e-12)


def test_a_mallet_is_down_at_onsets_only_and_up_in_rests() -> None:
    height = striking(TIMES_S, NOTES, down_s=0.13, up_s=0.16)
    low = TIMES_S[height < 0.05]
    assert all(np.abs(low - note.start_s).min() < 0.001 for note in NOTES)
    assert all(min(abs(time_s - note.start_s) for note in NOTES) < 0.03 for time_s in low)
    assert (height[REST] == 1.0).all()


def test_what_arrives_is_there_at_the_onset_and_stays() -> None:
    goals = [3.0, -1.0, 5.0, 2.0]
    value = arrive(TIMES_S, NOTES, goals, travel_s=0.1, rest=7.0)
    assert [at(value, note.start_s) for note in NOTES] == pytest.approx(goals)
    assert at(value, 0.29) == 7.0
    assert np.allclose(value[REST], -1.0)


def test_breath_follows_the_notes() -> None:
    breath = sounding(TIMES_S, NOTES, attack_s=0.05, release_s=0.08)
    assert at(breath, 0.55) == pytest.approx(0.9)
    assert at(breath, 2.6) == pytest.approx(0.8)
    assert not breath[REST].any()
    assert not breath[TIMES_S < 0.4].any()
