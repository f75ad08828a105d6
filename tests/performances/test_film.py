from dataclasses import replace

import numpy as np
import pytest

from stages.performances.film import cast, film, perform
from stages.performances.players.band import BAND
from tests.synth.performances import REST_S, TWO_PHRASES, still_performance, take_of


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
