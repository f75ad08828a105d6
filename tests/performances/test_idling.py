import itertools

import numpy as np
import pytest

from stages.performances.geometry import apply
from stages.performances.idling import fidget, resting, seen
from stages.performances.players.band import BAND
from tests.synth.performances import REST_S, TWO_PHRASES, notes_of

NOTES = notes_of(*TWO_PHRASES)
GHOSTS = notes_of(*((0.3 * i, 0.3 * i + 0.25, 62 + 5 * (i % 4), 0.8) for i in range(1, 10)))
TIMES_S = np.arange(0, 3.2, 1 / 24)
MIDDLE_S = (TIMES_S[1:] + TIMES_S[:-1]) / 2
SIZE = 0.25


def off_ms(offset_ms: float, jitter_ms: float, seed: int) -> np.ndarray:
    shown = seen(NOTES, offset_ms=offset_ms, jitter_ms=jitter_ms, generator=np.random.default_rng(seed))
    return np.array([1000 * (a.start_s - b.start_s) for a, b in zip(shown, NOTES, strict=True)])


def test_gestures_are_off_by_one_constant_and_by_a_draw_each_within_their_bounds() -> None:
    constant = np.array([off_ms(40.0, 0.0, seed) for seed in range(200)])
    assert np.ptp(constant, axis=1).max() < 0.1  # a sample is 0.05 ms
    assert constant.min() < -30
    assert constant.max() > 30
    assert np.abs(constant).max() <= 40.1
    both = np.array([off_ms(40.0, 15.0, seed) for seed in range(200)])
    assert 10 < np.ptp(both, axis=1).max() <= 30.1
    assert np.abs(both).max() <= 55.1


def test_without_offset_and_jitter_gestures_are_on_time() -> None:
    assert seen(NOTES, offset_ms=0.0, jitter_ms=0.0, generator=np.random.default_rng(0)) == NOTES


@pytest.mark.parametrize("seed", range(20))
def test_shown_notes_stay_in_order_and_never_overlap_whatever_the_jitter(seed: int) -> None:
    close = notes_of(*((0.05 * i, 0.05 * i + 0.049, 60, 0.8) for i in range(30)))
    shown = seen(close, offset_ms=200.0, jitter_ms=100.0, generator=np.random.default_rng(seed))
    assert shown[0].start_sample >= 0
    assert all(a.start_sample < a.end_sample <= b.start_sample for a, b in itertools.pairwise(shown))
    assert [(note.pitch, note.velocity) for note in shown] == [(note.pitch, note.velocity) for note in close]


def test_a_player_is_at_rest_away_from_notes_only() -> None:
    rest = resting(TIMES_S, NOTES)
    for note in NOTES:
        assert not rest[(note.start_s - 0.1 < TIMES_S) & (note.end_s + 0.1 > TIMES_S)].any()
    assert rest[np.abs(TIMES_S - 1.6) < 0.05].min() > 0.9
    assert (resting(TIMES_S, ()) == 1.0).all()


@pytest.mark.parametrize("name", BAND)
def test_fidgeting_is_in_rests_alone_and_far_below_playing(name: str) -> None:
    pose, driven = BAND[name].pose, BAND[name].driven
    played, mixed = pose(NOTES, TIMES_S), fidget(pose, NOTES, GHOSTS, TIMES_S, size=SIZE)
    near = np.any([(n.start_s - 0.1 < TIMES_S) & (n.end_s + 0.1 > TIMES_S) for n in NOTES], axis=0)
    for part, affine in mixed.items():
        assert np.allclose(affine[near], np.broadcast_to(played[part], affine.shape)[near])
    speed = np.max([np.abs(np.diff(mixed[part], axis=0)).max(axis=(1, 2)) for part in driven], axis=0)
    idle = speed[(REST_S[0] < MIDDLE_S) & (REST_S[1] > MIDDLE_S)]
    sounding = [speed[np.abs(MIDDLE_S - note.start_s) < 0.15].max() for note in NOTES]
    assert idle.max() > 0.02  # units a frame: it does move
    assert min(sounding) > 2 * np.sqrt(np.mean(idle**2))


@pytest.mark.parametrize("name", BAND)
def test_who_has_no_notes_moves_and_less_than_who_plays_them(name: str) -> None:
    pose, driven = BAND[name].pose, BAND[name].driven
    silent, playing = fidget(pose, (), GHOSTS, TIMES_S, size=SIZE), pose(GHOSTS, TIMES_S)
    reach = [
        max(np.ptp(np.broadcast_to(p[part], (len(TIMES_S), 2, 3)), axis=0).max() for part in driven)
        for p in (silent, playing)
    ]
    assert 0 < reach[0] == pytest.approx(SIZE * reach[1], rel=0.01)


@pytest.mark.parametrize("name", BAND)
def test_no_joint_comes_apart(name: str) -> None:
    mixed = fidget(BAND[name].pose, NOTES, GHOSTS, TIMES_S, size=SIZE)
    for side in ("left", "right"):
        if f"{side}_forearm" in mixed:
            wrist = apply(mixed[f"{side}_forearm"], 18.0, 0.0)
            hand = apply(mixed[f"{side}_hand"], 0.0, 0.0)
            assert np.stack(wrist) == pytest.approx(np.stack(hand), abs=1e-6)
