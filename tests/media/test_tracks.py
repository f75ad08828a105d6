import numpy as np
import pytest
import simplejpeg
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from stages.media.tracks import CELL_PX, MOTION_GAIN, FrameTrack, MotionTrack, SoundTrack, cell_motion

chunk_sizes = st.lists(st.integers(1, 5000), min_size=1, max_size=50)


def feed_in_pieces(track: FrameTrack | MotionTrack | SoundTrack, data: bytes, sizes: list[int]) -> None:
    position = turn = 0
    while position < len(data):
        size = sizes[turn % len(sizes)]
        track.feed(data[position : position + size])
        position, turn = position + size, turn + 1


@settings(max_examples=20, deadline=None)
@given(chunk_sizes)
def test_frames_are_those_that_went_in_however_the_pipe_cuts_them(sizes: list[int]) -> None:
    track = FrameTrack(height=16, width=32, quality=95)
    levels = [0, 60, 200, 255]
    data = b"".join(bytes([level]) * 512 + bytes([128]) * 256 for level in levels)
    feed_in_pieces(track, data + b"half a frame", sizes)
    assert len(track) == 4
    for level, encoded in zip(levels, track.read(0, 99), strict=True):
        picture = simplejpeg.decode_jpeg(encoded, colorspace="RGB")
        assert picture.shape == (16, 32, 3)
        assert np.abs(picture.astype(int) - level).max() <= 1
    assert track.read(1, 3) == track.read(0, 4)[1:3]
    assert track.read(4, 9) == []


@settings(max_examples=30, deadline=None)
@given(arrays(np.uint8, (2, 32, 32)), st.sampled_from([2, 4]))
def test_cell_motion_is_the_mean_absolute_difference(pictures: np.ndarray, cells: int) -> None:
    before, after = pictures
    side = 32 // cells
    change = np.abs(before.astype(float) - after.astype(float)).reshape(cells, side, cells, side).mean(axis=(1, 3))
    expected = np.minimum(np.floor(MOTION_GAIN * change + 0.5), 255)
    np.testing.assert_array_equal(cell_motion(before, after, cells), expected)


def test_motion_is_measured_against_the_picture_before() -> None:
    track, side_px = MotionTrack(side_cells=2), 2 * CELL_PX
    pictures = np.zeros((3, side_px, side_px), np.uint8)
    pictures[1:, :CELL_PX, :CELL_PX] = 10  # one cell changes once, by 10
    feed_in_pieces(track, pictures.tobytes(), [100])
    motion = track.read(0, 3)
    assert motion.shape == (3, 2, 2)
    assert motion[1, 0, 0] == 10 * MOTION_GAIN
    assert motion.sum() == 10 * MOTION_GAIN


@settings(max_examples=20, deadline=None)
@given(chunk_sizes, st.sampled_from([1, 2]))
def test_sound_is_rounded_to_16_bits_and_clipped(sizes: list[int], channels: int) -> None:
    track = SoundTrack(channels)
    waves = np.array([0, 0.25, -0.5, 1.0, -1.0, 8.0, -8.0, 1 / 65536 + 1e-6], np.float32)
    feed_in_pieces(track, np.repeat(waves, channels).tobytes(), sizes)
    assert track.read(0, 99).tolist() == [0, 8192, -16384, 32767, -32768, 32767, -32768, 1]
    assert track.read(1, 3).tolist() == [8192, -16384]
    assert track.num_bad == 0


def test_samples_that_are_no_numbers_are_counted() -> None:
    track = SoundTrack(1)
    track.feed(np.array([0.5, np.nan, np.inf, -np.inf], np.float32).tobytes())
    assert track.num_bad == 3
    assert track.read(0, 4).tolist() == [16384, 0, 0, 0]


@pytest.mark.parametrize(("right", "expected"), [(1.0, 1.0), (0.0, 0.5), (-1.0, 1.0), (-0.9, 1.0)])
def test_left_and_right_are_averaged_unless_they_cancel(right: float, expected: float) -> None:
    wave = 0.5 * np.sin(np.arange(1000) / 7).astype(np.float32)
    track = SoundTrack(2)
    track.feed(np.stack([wave, np.float32(right) * wave], axis=1).tobytes())
    np.testing.assert_allclose(track.read(0, 1000) / 32768, expected * wave, atol=2 / 32768)
