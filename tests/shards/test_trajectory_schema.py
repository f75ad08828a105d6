from dataclasses import replace

import numpy as np
import pytest

from stages.shards.trajectory_schema import offsets_px, starts_px, step_motion_px
from tests.synth.tracks import clip_trajectories


@pytest.mark.parametrize(
    ("height", "width", "step_px", "expected_x", "expected_y"),
    [
        (8, 12, 4, [1.5, 5.5, 9.5], [1.5, 5.5]),
        (2, 3, 1, [0, 1, 2], [0, 1]),
        (9, 14, 4, [1.5, 5.5, 9.5], [1.5, 5.5]),  # the next ones would lie at 13.5 = 14 - 1/2, the edge
        (9, 15, 4, [1.5, 5.5, 9.5, 13.5], [1.5, 5.5]),
        (9, 10, 8, [3.5], [3.5]),
    ],
)
def test_points_start_in_the_middles_of_squares_that_lie_in_the_frame(
    height: int, width: int, step_px: int, expected_x: list[float], expected_y: list[float]
) -> None:
    x, y = starts_px(height, width, step_px)
    assert x[0].tolist() == expected_x
    assert y[:, 0].tolist() == expected_y
    assert (x == x[0]).all()
    assert (y == y[:, :1]).all()


def test_the_smallest_frame_and_the_widest_grid_have_a_point() -> None:
    assert starts_px(16, 16, 16).shape == (2, 1, 1)


def test_motions_add_up_to_offsets_from_each_start_on() -> None:
    offsets = np.random.default_rng(0).integers(-32767, 32768, (7, 2, 3, 4)).astype(np.int16)
    motion = step_motion_px(offsets, length_steps=3)
    for start in (0, 3, 6):
        stretch = slice(start, start + 3)
        np.testing.assert_array_equal(np.cumsum(motion[stretch], axis=0), offsets_px(offsets)[stretch])


def test_wrong_shapes_types_and_values_are_refused() -> None:
    tracks = clip_trajectories(0)
    with pytest.raises(ValueError, match=r"clip v0-00000: offsets must be int16 \(3, 2, 4, 5\), got int16 \(3, 1"):
        replace(tracks, offsets=tracks.offsets[:, :1])
    with pytest.raises(ValueError, match=r"lost must be uint8 \(3, 4, 5\), got uint8 \(2, 4, 5\)"):
        replace(tracks, lost=tracks.lost[1:])
    with pytest.raises(ValueError, match="offsets must be int16"):
        replace(tracks, offsets=tracks.offsets.astype(np.float32))
    with pytest.raises(ValueError, match="lost must be 0 or 1, got 6"):
        replace(tracks, lost=tracks.lost * np.uint8(6))
