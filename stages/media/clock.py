"""Seconds to integer positions, in one place and with one rounding, and the windows of clips.

A video's clock starts when the earlier one of its picture and its sound starts.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from stages.params import Clip

# Containers end or begin a hair off: an AAC packet is 46 ms at 22.05 kHz, priming samples come to as much.
SLACK_S = 0.05
_ROUNDING = 1e-6  # of a position: far above the error of float seconds, far below one sample


@dataclass(frozen=True, slots=True)
class Window:
    """Half-open ranges of one clip on its video's clock."""

    start_sample: int
    num_samples: int
    start_frame: int
    num_frames: int


@dataclass(frozen=True, slots=True)
class SceneCut:
    """A change of scene at some time after `before_s`, at `after_s` at the latest."""

    before_s: float
    after_s: float


def to_samples(time_s: float, rate_hz: float) -> int:
    """Index of the first sample at or after `time_s`; half-open spans then tile without gap or overlap."""
    return math.ceil(time_s * rate_hz - _ROUNDING)


def to_frames(time_s: float, rate_hz: float) -> int:
    """Index of the first frame, on a grid that starts at 0, at or after `time_s`."""
    return to_samples(time_s, rate_hz)


def whole_samples(duration_s: float, rate_hz: float) -> int:
    """Samples that fit into a duration: clips of so many never overlap, wherever between two samples they begin."""
    return math.floor(duration_s * rate_hz + _ROUNDING)


def windows(start_s: float, end_s: float, clip: Clip) -> list[Window]:
    """Tile a usable span with clips, dropping what is left at its end.

    Every clip starts on the frame grid, so that its picture and its sound start together. Frames tile without gap;
    samples do so too where duration * frame rate is whole, else up to one frame's time is skipped between clips. The
    first clip may start, and the last one end, SLACK_S outside of the span.
    """
    num_frames = to_frames(clip.duration_s, clip.frame_rate_hz)
    first = max(0, to_frames(start_s - SLACK_S, clip.frame_rate_hz))
    last_end = (end_s + SLACK_S) * clip.frame_rate_hz
    starts = range(first, math.floor(last_end - clip.duration_s * clip.frame_rate_hz + _ROUNDING) + 1, num_frames)
    return [_window(start, num_frames, clip) for start in starts]


def windows_in_shots(start_s: float, end_s: float, cuts: Sequence[SceneCut], clip: Clip) -> list[Window]:
    """Tile each shot of a usable span by itself: no clip holds pictures from both sides of a cut.

    Args:
        start_s: Of the usable span.
        end_s: Of the usable span.
        cuts: In time's order; outside of the span they do not matter.
        clip: Length and rates of the windows.
    """
    inside = [cut for cut in cuts if start_s < cut.after_s and cut.before_s < end_s]
    # the slack is for the ends of containers: beyond a cut lies another scene
    starts_s = [start_s, *(cut.after_s + SLACK_S for cut in inside)]
    ends_s = [*(cut.before_s - SLACK_S for cut in inside), end_s]
    return [window for span in zip(starts_s, ends_s, strict=True) for window in windows(*span, clip)]


def _window(start_frame: int, num_frames: int, clip: Clip) -> Window:
    return Window(
        start_sample=to_samples(start_frame / clip.frame_rate_hz, clip.sample_rate_hz),
        num_samples=whole_samples(clip.duration_s, clip.sample_rate_hz),
        start_frame=start_frame,
        num_frames=num_frames,
    )
