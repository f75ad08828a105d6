import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stages.performances.geometry import apply, bone, compose, elbow, invert, place

NUMBERS = st.floats(-50, 50)


def test_place_scales_then_turns_clockwise_then_moves() -> None:
    affine = place(10.0, 20.0, 90.0, scale=(2.0, 3.0))
    assert apply(affine, 1.0, 0.0) == pytest.approx((10.0, 22.0))
    assert apply(affine, 0.0, 1.0) == pytest.approx((7.0, 20.0))


@given(x=NUMBERS, y=NUMBERS, angle=st.floats(-180, 180), px=NUMBERS, py=NUMBERS)
def test_compose_applies_the_last_first_and_invert_undoes(
    x: float, y: float, angle: float, px: float, py: float
) -> None:
    outer, inner = place(x, y, angle, scale=(2.0, 0.5)), place(y, x, -angle)
    both = compose(outer, inner)
    assert apply(both, px, py) == pytest.approx(apply(outer, *apply(inner, px, py)))
    assert apply(compose(invert(both), both), px, py) == pytest.approx((px, py), abs=1e-6)


def test_frames_broadcast() -> None:
    moving = place(np.arange(4.0), 0.0)
    assert compose(place(0.0, 1.0), moving, place(1.0, 0.0)).shape == (4, 2, 3)
    assert apply(moving, 1.0, 2.0)[0] == pytest.approx([1, 2, 3, 4])


@given(x=NUMBERS, y=NUMBERS)
def test_a_bone_ends_at_its_joints(x: float, y: float) -> None:
    affine = bone((1.0, 2.0), (x, y), 19.0)
    assert apply(affine, 0.0, 0.0) == pytest.approx((1.0, 2.0))
    assert apply(affine, 19.0, 0.0) == pytest.approx((x, y), abs=1e-6)


@given(x=st.floats(-25, 25), y=st.floats(6, 25), bend=st.sampled_from([-1.0, 1.0]))
def test_within_reach_the_arm_keeps_its_lengths(x: float, y: float, bend: float) -> None:
    distance = float(np.hypot(x, y))
    bent = elbow((0.0, 0.0), (x, y), (20.0, 18.0), bend=bend)
    if distance < 38.0:
        assert np.hypot(*bent) == pytest.approx(20.0, abs=1e-6)
        assert np.hypot(bent[0] - x, bent[1] - y) == pytest.approx(18.0, abs=1e-6)
        assert np.sign(x * bent[1] - y * bent[0]) in (0.0, bend)


def test_out_of_reach_the_arm_is_straight() -> None:
    bent = elbow((0.0, 0.0), (60.0, 0.0), (20.0, 10.0), bend=1.0)
    assert bent == pytest.approx((40.0, 0.0))
