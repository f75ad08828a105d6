from dataclasses import replace

import numpy as np
import pytest

from stages.performances.film import cast, film, perform
from stages.performances.players.band import BAND
from stages.performances.take import Take
from tests.synth.performances import PLAIN, REST_S, TWO_PHRASES, still_performance, take_of


def frames_of(instrument: str) -> np.ndarray:
    performance = still_performance(instrument)
    return np.stack(list(film(performance, cast(performance)))).astype(int)


@pytest.mark.parametrize("name", BAND)
def test_on_a_still_scene_pixels_change_with_notes_and_not_in_rests(name: str) -> None:
    frames = frames_of(name)
    change = np.abs(np.diff(frames, axis=0)).max(axis=(1, 2, 3))
    middle_s = (np.arange(len(change)) + 0.5) / 24
    assert change[(middle_s > REST_S[0]) & (middle_s < REST_S[1])].max() == 0
    for start_s, *_ in TWO_PHRASES:
        assert change[np.abs(middle_s - start_s) < 0.15].max() > 20


def test_frames_have_the_takes_size_and_number() -> None:
    performance = perform(take_of("trumpet", "violin"))
    frames = list(film(performance, cast(performance)))
    assert len(frames) == 48
    assert {frame.shape for frame in frames} == {(64, 128, 3)}
    assert frames[0].dtype == np.uint8


def test_a_take_is_performed_and_filmed_alike_each_time() -> None:
    first, second = (perform(take_of("violin", "xylophone")) for _ in range(2))
    assert first.notes == second.notes
    assert all(np.array_equal(a, b) for a, b in zip(first.stems, second.stems, strict=True))
    pairs = zip(film(first, cast(first)), film(second, cast(second)), strict=True)
    assert all(np.array_equal(a, b) for a, b in pairs)


@pytest.mark.parametrize("change", [{"seed": 4}, {"arrival": "second"}, {"number": 1}])
def test_another_seed_arrival_or_number_is_another_performance(change: dict[str, object]) -> None:
    one, other = perform(take_of("violin")), perform(take_of("violin", **change))
    assert one.notes != other.notes
    assert one.scene != other.scene


def test_length_and_size_of_the_picture_do_not_change_who_plays() -> None:
    small, large = perform(take_of("violin")), perform(take_of("violin", side_px=96))
    assert small.notes == large.notes
    assert small.scene == large.scene


@pytest.mark.parametrize("name", BAND)
def test_the_order_of_a_duet_changes_sides_and_not_the_label(name: str) -> None:
    other = next(n for n in BAND if n != name)
    take = take_of(name, other)
    assert take.label == replace(take, instruments=(other, name)).label == " ".join(sorted((name, other)))


def test_all_instruments_are_about_equally_loud() -> None:
    """Over 2 s windows, as a learner meets them: no instrument is told by its level."""
    means = []
    for name in BAND:
        stems = [perform(take_of(name, number=number, duration_s=8.0)).stems[0] for number in range(12)]
        power = np.mean(np.stack(stems).reshape(-1, 2 * 22050) ** 2, axis=1)
        means.append(float(np.mean(10 * np.log10(power))))
    assert np.ptp(means) < 2.0
    assert -27.5 < min(means) < max(means) < -22.0


def with_silent(name: str, *instruments: str, **changes: object) -> Take:
    return take_of(*instruments, staging=replace(PLAIN, silent=name, idle=0.25), **changes)


def test_a_silent_player_is_in_view_moves_and_is_never_heard() -> None:
    take = with_silent("trumpet", "violin", duration_s=4.0)
    performance = perform(take)
    silent = take.silent_at
    assert silent is not None
    assert take.label == "violin"
    assert sorted(take.players) == ["trumpet", "violin"]
    assert performance.notes[silent] == ()
    assert not performance.stems[silent].any()
    assert performance.stems[1 - silent].any()
    drawn = cast(performance)
    mine = [p for p in range(len(drawn.parts)) if drawn.players[p] == silent and drawn.parts[p].name == "trumpet"]
    assert np.ptp(drawn.affines[:, mine[0], :, 2], axis=0).max() > 0.3  # pixels
    assert next(film(performance, drawn)).shape == (64, 64, 3)


def test_a_silent_player_changes_neither_what_the_others_play_in_a_duet_of_equals() -> None:
    sides = {with_silent("violin", "violin", number=number).silent_at for number in range(20)}
    assert sides == {0, 1}
    take = with_silent("flute", "violin", "violin")
    performance = perform(take)
    assert len(performance.stems) == 3
    assert sum(stem.any() for stem in performance.stems) == 2
    assert next(film(performance, cast(performance))).shape == (64, 128, 3)


def test_twins_play_different_melodies() -> None:
    performance = perform(take_of("trumpet", "trumpet"))
    assert performance.take.label == "trumpet trumpet"
    assert performance.notes[0] != performance.notes[1]


def test_the_offset_moves_gestures_and_leaves_the_sound() -> None:
    late = take_of("violin", staging=replace(PLAIN, offset_ms=40.0, jitter_ms=15.0))
    on_time, off = perform(take_of("violin")), perform(late)
    assert on_time.shown == on_time.notes == off.notes != off.shown
    assert np.array_equal(on_time.stems[0], off.stems[0])


def test_a_distractor_is_behind_the_players_and_changes_nothing_else() -> None:
    plain, busy = (cast(perform(take_of("violin", staging=s))) for s in (PLAIN, replace(PLAIN, distracted=True)))
    count = len(busy.parts) - len(plain.parts)
    assert count > 0
    assert busy.players == (None,) * count + plain.players
    assert np.array_equal(busy.affines[:, count:], plain.affines)
