import numpy as np
import pytest

from infra.flow_colours import colours, wheel


def colour_of(u: float, v: float, full_px: float = 4.0) -> tuple[int, ...]:
    return tuple(colours(np.array([u, v])[:, None, None], full_px)[0, 0].tolist())


def test_rest_is_white_and_the_colour_grows_with_speed() -> None:
    assert colour_of(0, 0) == (255, 255, 255)
    assert colour_of(2, 0) == (255, 128, 128)
    assert colour_of(4, 0) == (255, 0, 0)
    assert colour_of(8, 0) == (191, 0, 0)


@pytest.mark.parametrize(
    ("steps", "expected"),
    [(15, (255, 255, 0)), (21, (0, 255, 0)), (25, (0, 255, 255)), (36, (0, 0, 255)), (49, (255, 0, 255))],
)
def test_pure_colours_stand_where_the_wheel_of_55_steps_has_them(steps: int, expected: tuple[int, ...]) -> None:
    angle = 2 * np.pi * steps / 55
    assert np.abs(np.subtract(colour_of(4 * np.cos(angle), 4 * np.sin(angle)), expected)).max() <= 1


def test_down_is_yellow_green_and_up_is_purple() -> None:
    """The wheel turns clockwise on the screen, where y points down."""
    assert colour_of(0, 3.9)[1] > 200
    assert colour_of(0, 3.9)[2] < 20
    assert colour_of(0, -3.9)[2] > 200
    assert colour_of(0, -3.9)[1] < 20


def test_the_wheel_shows_each_motion_where_it_leads() -> None:
    shown = wheel(101)
    assert shown[50, 50].tolist() == [255, 255, 255, 255]
    right, expected = shown[50, 98, :3], colour_of(48 / 50.5, 0, 1.0)
    assert np.abs(np.subtract(right.astype(int), expected)).max() <= 1
    assert shown[0, 0, 3] == 0
