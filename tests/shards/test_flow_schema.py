from dataclasses import replace

import numpy as np
import pytest

from stages.shards.flow_schema import cells_of, to_pixels, to_units
from tests.synth.flows import clip_flow


def test_a_displacement_is_stored_to_half_a_unit() -> None:
    flow_px = np.random.default_rng(0).uniform(-511, 511, (7, 2, 5, 6)).astype(np.float32)
    vectors, fits = to_units(flow_px)
    assert vectors.dtype == np.int16 and fits.shape == (7, 5, 6) and fits.all()
    assert np.abs(to_pixels(vectors) - flow_px).max() <= 0.5 / 64 + 1e-4


def test_what_does_not_fit_is_clipped_and_what_is_no_number_is_zero_and_both_are_told() -> None:
    flow_px = np.zeros((2, 1, 5), np.float32)
    flow_px[0, 0] = (600, -np.inf, np.nan, 511.98, -511.98)
    vectors, fits = to_units(flow_px)
    assert vectors[0, 0].tolist() == [32767, -32767, 0, 32767, -32767]
    assert fits[0].tolist() == [False, False, False, True, True]


def test_every_pixel_has_a_cell() -> None:
    assert [cells_of(side) for side in (1, 3, 4, 5, 8, 127, 128)] == [1, 1, 1, 2, 2, 32, 32]


def test_wrong_shapes_types_and_values_are_refused() -> None:
    flow = clip_flow(0)
    with pytest.raises(ValueError, match=r"clip v0-00000: vectors must be int16 \(3, 2, 5, 6\)"):
        replace(flow, vectors=flow.vectors[:, :, :4])
    with pytest.raises(ValueError, match=r"valid must be uint8 \(3, 5, 6\), got uint8 \(2, 5, 6\)"):
        replace(flow, valid=flow.valid[1:])
    with pytest.raises(ValueError, match="vectors must be int16"):
        replace(flow, vectors=flow.vectors.astype(np.float32))
    with pytest.raises(ValueError, match="valid must be 0 or 1, got 6"):
        replace(flow, valid=flow.valid * np.uint8(6))
    with pytest.raises(ValueError, match="frame size must be positive"):
        replace(flow, height=0)
