"""What is seen of motion is what its picture shows: mirrored, zoomed, shifted alike."""

import numpy as np
import pytest
import torch
from torch.testing import assert_close

from stages.networks.frames import Square, cut
from stages.networks.sight import WHOLE, Field, Framing, MotionWindows, num_moments, shown, times_s
from stages.params import Clip
from stages.separators import Motion

CLIP = Clip(duration_s=3.0, sample_rate_hz=11025, frame_rate_hz=8, frame_side_px=64)


def _motion(**changes: object) -> Motion:
    settings = {"input": "flow", "rate_hz": 8, "average_steps": 1, "side_cells": 8, "unit_rms": True}
    return Motion.model_validate(settings | changes)


def _field(u: float, v: float) -> Field:
    values = torch.tensor([u, v])[None, :, None, None].expand(2, 2, 16, 24).clone()
    return Field(values, (4.0, 4.0))


def test_displacements_are_relative_to_the_side_shown_and_turn_with_the_mirror() -> None:
    straight = shown(_field(6.0, 3.0), Square(0, 0, 60, flipped=False), 8, WHOLE)
    assert_close(straight[0, :, 3, 3], torch.tensor([0.1, 0.05]))
    mirrored = shown(_field(6.0, 3.0), Square(0, 0, 60, flipped=True), 8, Framing(0.5, (0.0, 0.0)))
    assert_close(mirrored[0, :, 3, 3], torch.tensor([-0.2, 0.1]))


def test_beyond_the_edge_lies_the_mirror_image_that_moves_the_other_way() -> None:
    found = shown(_field(6.0, 3.0), Square(0, 0, 60, flipped=False), 8, Framing(1.0, (1.0, 0.0)))
    assert (found[0, 0, :, :4] > 0).all() and (found[0, 0, :, 4:] < 0).all() and (found[0, 1] > 0).all()


@pytest.mark.parametrize("flipped", [False, True])
def test_what_moves_lies_where_the_picture_shows_it(flipped: bool) -> None:
    """One bright patch of 8 px in a frame, and motion in its cells alone: both are shown in the same place."""
    frame = np.zeros((64, 96, 3), np.uint8)
    frame[24:32, 40:48] = 255
    values = torch.zeros(1, 1, 16, 24)
    values[:, :, 6:8, 10:12] = 1.0
    square = Square(4, 16, 48, flipped)
    picture = cut([frame], square, 48)[0, 0]
    seen = shown(Field(values, (4.0, 4.0)), square, 48, WHOLE)[0, 0]

    def middle(image: torch.Tensor) -> torch.Tensor:
        image = image - image.min()
        rows, columns = torch.meshgrid(torch.arange(48.0), torch.arange(48.0), indexing="ij")
        return torch.stack([(image * axis).sum() / image.sum() for axis in (rows, columns)])

    assert_close(middle(seen), middle(picture), atol=0.05, rtol=0)


def test_steps_and_their_times() -> None:
    assert (num_moments(_motion(), CLIP), num_moments(_motion(input="difference", rate_hz=24), CLIP)) == (23, 72)
    assert num_moments(_motion(input="difference", rate_hz=24, average_steps=5), CLIP) == 70
    assert times_s(_motion(), CLIP)[[0, -1]].tolist() == pytest.approx([1 / 16, 2.8125])
    averaged = times_s(_motion(input="difference", rate_hz=24, average_steps=3), CLIP)
    assert len(averaged) == 24 and averaged[:2].tolist() == pytest.approx([1 / 48, 1 / 48 + 1 / 8])


def test_a_short_clip_ends_in_rest_and_steps_are_averaged() -> None:
    values = torch.arange(4.0)[:, None, None, None].expand(4, 1, 4, 4).clone()
    motion = _motion(input="difference", rate_hz=24, average_steps=2)
    clip = CLIP.model_copy(update={"duration_s": 0.25})
    found = MotionWindows(motion, clip, lambda _: Field(values, (4.0, 4.0))).see("a", Square(0, 0, 16, flipped=False))
    assert found is not None and found.shape == (1, 3, 8, 8)
    assert_close(found[0, :, 0, 0], torch.tensor([0.5, 2.5, 0.0]))
