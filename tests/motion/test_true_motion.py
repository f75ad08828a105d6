"""Trajectories against the true motion of rendered performances: bows, hands, a mallet."""

from functools import cache

import numpy as np
import pytest

from stages.motion.opencv_flow import DisEstimator
from tests.synth.fields import stored
from tests.synth.true_motion import (
    Moving,
    errors_px,
    flow_of_one,
    lively_stretches,
    median_errors_px,
    moving,
    points_on,
    true_flow,
    true_tracks,
)

HANDS = [("violin", "right_hand"), ("cello", "right_hand"), ("xylophone", "right_hand")]
THIN = [("violin", "bow"), ("cello", "bow"), ("xylophone", "right_mallet")]
LENGTH, LEAST_PX = 8, 8.0


@cache
def film_of(instrument: str) -> Moving:
    """72 frames at 24 Hz, 192 px."""
    return moving(instrument, side_px=192, frame_rate_hz=24, duration_s=3.0)


@pytest.mark.parametrize(("instrument", "part"), HANDS + THIN)
def test_a_gesture_is_followed_through_48_frames_where_all_flow_is_the_part_s(instrument: str, part: str) -> None:
    """Turns, stretches and changes of direction, and nothing else in the picture: only interpolation could err."""
    film, steps = film_of(instrument), range(12, 59)
    starts = points_on(film, part, steps.start, 40)
    assert np.ptp(true_tracks(film, part, starts, steps)[..., 0].numpy(), axis=0).max() > 15
    flow = flow_of_one(film, part)
    assert errors_px(film, part, flow, steps).max() < 0.01
    assert errors_px(film, part, stored(flow), steps).mean() < 0.1


@pytest.mark.parametrize(("instrument", "part"), HANDS)
def test_true_flow_carries_hands_along(instrument: str, part: str) -> None:
    """A cell at a hand's edge holds a mean of two motions, so points there fall behind."""
    film = film_of(instrument)
    found = median_errors_px(film, part, {"true": true_flow(film)}, lively_stretches(film, part, LENGTH, LEAST_PX))
    assert found["still"] > LEAST_PX
    assert found["true"] < 0.15 * found["still"]


@pytest.mark.parametrize(("instrument", "part"), THIN)
def test_what_is_thinner_than_a_cell_falls_behind_even_with_true_flow(instrument: str, part: str) -> None:
    """The price of a quarter of the resolution: a bow of 2 px shares its cells with what lies behind it."""
    film = film_of(instrument)
    found = median_errors_px(film, part, {"true": true_flow(film)}, lively_stretches(film, part, LENGTH, LEAST_PX))
    assert 0.2 * found["still"] < found["true"] < 0.6 * found["still"]


@pytest.mark.parametrize(("instrument", "part"), [("cello", "right_hand"), ("xylophone", "right_hand")])
def test_estimated_flow_carries_hands_along(instrument: str, part: str) -> None:
    film = film_of(instrument)
    flow = DisEstimator()(film.frames[:-1], film.frames[1:])[None]
    found = median_errors_px(film, part, {"dis": flow}, lively_stretches(film, part, LENGTH, LEAST_PX))
    assert found["dis"] < 0.4 * found["still"]


def test_the_truth_is_where_the_picture_shows_the_part() -> None:
    """Second source: after each step the part's own id lies under most of its points."""
    film = film_of("cello")
    for steps in lively_stretches(film, "right_hand", LENGTH, LEAST_PX):
        tracks = true_tracks(film, "right_hand", points_on(film, "right_hand", steps.start, 40), steps)
        for step, positions in zip(steps, tracks[:, :, 0].numpy(), strict=True):
            column, row = np.floor((positions + 0.5) / 2).astype(int)
            assert (film.ids[step + 1][row, column] == film.entry("right_hand")).mean() > 0.8
