import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stages.media.clock import SLACK_S, to_frames, to_samples, whole_samples, windows
from stages.params import Clip
from tests.synth.media import CLIP

times_s = st.floats(0, 3600)
rates_hz = st.sampled_from([1, 7, 8, 24, 25, 8000, 11025, 44100, 48000])
clips = st.builds(
    Clip,
    duration_s=st.floats(0.1, 20),
    sample_rate_hz=st.sampled_from([8000, 11025, 44100]),
    frame_rate_hz=st.sampled_from([1, 8, 24, 25, 60]),
    frame_side_px=st.just(64),
)


@given(st.integers(0, 10**8), rates_hz)
def test_a_position_survives_the_way_through_seconds(position: int, rate_hz: int) -> None:
    assert to_samples(position / rate_hz, rate_hz) == position


@given(times_s, times_s, rates_hz)
def test_half_open_spans_tile(first_s: float, second_s: float, rate_hz: int) -> None:
    early_s, late_s = sorted((first_s, second_s))
    assert to_samples(early_s, rate_hz) <= to_samples(late_s, rate_hz)
    assert early_s * rate_hz - 1e-5 <= to_samples(early_s, rate_hz) < early_s * rate_hz + 1


@given(st.floats(0, 5), st.floats(0, 100), clips)
def test_windows_neither_overlap_nor_leave_the_span(start_s: float, length_s: float, clip: Clip) -> None:
    end_s = start_s + length_s
    found = windows(start_s, end_s, clip)
    for window in found:
        assert window.num_samples == whole_samples(clip.duration_s, clip.sample_rate_hz)
        assert window.num_frames == to_frames(clip.duration_s, clip.frame_rate_hz)
        assert window.start_frame / clip.frame_rate_hz >= start_s - SLACK_S - 1e-5
        assert window.start_frame / clip.frame_rate_hz + clip.duration_s <= end_s + SLACK_S + 1e-4
        # picture and sound begin together
        apart_s = window.start_sample / clip.sample_rate_hz - window.start_frame / clip.frame_rate_hz
        assert -1e-5 / clip.sample_rate_hz <= apart_s < 1 / clip.sample_rate_hz
    for window, after in itertools.pairwise(found):
        assert after.start_frame == window.start_frame + window.num_frames
        assert after.start_sample >= window.start_sample + window.num_samples


@given(st.floats(0, 5), st.floats(0, 100), st.integers(1, 5))
def test_samples_tile_without_gap_where_a_clip_is_a_whole_number_of_frames(
    start_s: float, length_s: float, seconds: int
) -> None:
    clip = Clip(duration_s=seconds, sample_rate_hz=11025, frame_rate_hz=8, frame_side_px=64)
    found = windows(start_s, start_s + length_s, clip)
    for window, after in itertools.pairwise(found):
        assert after.start_sample == window.start_sample + window.num_samples
    # less than one clip and the rounding to the grid is left over
    assert len(found) >= int((length_s - 0.125) / seconds)


@pytest.mark.parametrize(("end_s", "count"), [(0.94, 0), (0.96, 1), (1.0, 1), (1.94, 1), (1.96, 2), (3.02, 3)])
def test_containers_may_be_a_hair_short(end_s: float, count: int) -> None:
    assert len(windows(0.0, end_s, CLIP)) == count


def test_a_late_track_moves_the_first_clip_to_the_next_frame_of_the_grid() -> None:
    assert [window.start_frame for window in windows(0.2, 3.0, CLIP)] == [2, 10]
    assert [window.start_frame for window in windows(0.04, 3.0, CLIP)] == [0, 8, 16]
