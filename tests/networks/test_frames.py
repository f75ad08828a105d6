"""Frame choice and crops."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.testing import assert_close

from stages.networks.frames import to_input, which_frames

MEAN, DEVIATION = torch.tensor([0.485, 0.456, 0.406]), torch.tensor([0.229, 0.224, 0.225])


@given(st.integers(1, 60), st.integers(1, 5), st.integers(1, 30), st.one_of(st.none(), st.integers(0, 99)))
def test_frames_are_inside_the_clip_and_evenly_spaced(num_frames: int, num: int, stride: int, seed: int | None) -> None:
    if num > num_frames:
        with pytest.raises(ValueError, match=r"appearance\.num_frames"):
            which_frames(num_frames, num, stride, None)
        return
    found = which_frames(num_frames, num, stride, None if seed is None else torch.Generator().manual_seed(seed))
    assert len(found) == num
    assert 0 <= found[0] <= found[-1] < num_frames
    assert set(np.diff(found)) <= {min(stride, (num_frames - 1) // max(num - 1, 1))}


def test_without_a_generator_the_group_is_central_and_with_one_every_start_is_reached() -> None:
    assert which_frames(48, 3, 20, None) == [3, 23, 43]
    random = torch.Generator().manual_seed(1)
    assert {tuple(which_frames(6, 2, 3, random)) for _ in range(100)} == {(0, 3), (1, 4), (2, 5)}


def test_the_central_square_is_scaled_and_normalised() -> None:
    frame = np.zeros((64, 96, 3), dtype=np.uint8)
    frame[:, 16:80] = [255, 128, 0]  # exactly the central square
    found = to_input([frame, frame], 32, generator=None)
    expected = (torch.tensor([1.0, 128 / 255, 0.0]) - MEAN) / DEVIATION
    assert_close(found, expected[None, :, None, None].expand(2, 3, 32, 32))


def test_one_crop_and_one_flip_serve_all_frames_of_a_clip() -> None:
    frame = np.random.default_rng(1).integers(0, 255, (60, 80, 3)).astype(np.uint8)
    seen: set[bytes] = set()
    for seed in range(20):
        first, second = to_input([frame, frame], 48, generator=torch.Generator().manual_seed(seed))
        assert torch.equal(first, second)
        seen.add(first.numpy().tobytes())
    assert len(seen) > 15


def test_a_random_crop_is_a_piece_of_the_frame_or_of_its_mirror_image() -> None:
    frame = np.random.default_rng(2).integers(0, 255, (36, 36, 3)).astype(np.uint8)
    crops = [to_input([frame], 33, generator=torch.Generator().manual_seed(seed))[0] for seed in range(40)]
    image = (torch.from_numpy(frame).permute(2, 0, 1) / 255 - MEAN[:, None, None]) / DEVIATION[:, None, None]
    pieces = {
        (f, y, x): (image.flip(2) if f else image)[:, y : y + 33, x : x + 33]
        for f in (0, 1)
        for y in range(4)
        for x in range(4)
    }
    places = {
        next(place for place, piece in pieces.items() if torch.allclose(piece, crop, atol=1e-5)) for crop in crops
    }
    assert {place[0] for place in places} == {0, 1}
    assert len(places) > 10


def test_frames_smaller_than_the_crop_are_refused() -> None:
    with pytest.raises(ValueError, match="frames of 90 x 40 px are smaller than the crop of 48 px"):
        to_input([np.zeros((40, 90, 3), dtype=np.uint8)], 48, generator=None)
