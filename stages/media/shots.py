"""Finds cuts between shots, in small pictures that ffmpeg made in the sandbox; scenedetect never opens a file."""

import math
from fractions import Fraction
from importlib.metadata import version

import cv2
import numpy as np
from numpy.typing import NDArray
from scenedetect.common import FrameTimecode
from scenedetect.detectors import AdaptiveDetector

from stages.media import ffmpeg, sandbox
from stages.media.clock import SceneCut, to_frames
from stages.media.faults import MediaError
from stages.media.probe import Facts
from stages.media.source import Source

DETECTOR = "scenedetect-headless " + version("scenedetect-headless") + ", opencv " + cv2.__version__

_RATE_HZ = 12  # a cut is known to 83 ms, and is all the clearer the longer both pictures lie apart
_SIDE_PX = 64
_PICTURE_BYTES = 3 * _SIDE_PX**2
_NEIGHBOURS = 2  # pictures before and after a change that it is compared with
_PROMINENCE = 3.0  # a cut changes so many times more than its neighbours: fast movement and flicker do not
_TIMEOUT_PER_S = 60.0  # the time limit is granted anew for each started minute of video


def find_cuts(source: Source, facts: Facts, *, threshold: float, timeout_s: float) -> list[SceneCut]:
    """Cuts of a video on its clock, in time's order; `MediaError` only for a crash or too long a time.

    What is damaged gives the cuts up to there: decode is the judge of damage.

    Args:
        source: The open file.
        facts: What the probe said of it.
        threshold: Mean change of brightness (HSV value, 0..255) between two pictures that may be a cut.
        timeout_s: For each started minute of video.
    """
    track = CutTrack(threshold)
    given = ffmpeg.Input(source.descriptor, source.demuxer, facts.video_stream, facts.audio_stream, facts.zero_s)
    small = ffmpeg.Thumbnails(facts.video_end_s, _RATE_HZ, to_frames(facts.video_end_s, _RATE_HZ) + 1, _SIDE_PX)
    outcome = sandbox.run(
        lambda pipes: ffmpeg.thumbnails_command(given, small, pipes[0]),
        sinks=[track],
        descriptor=source.descriptor,
        timeout_s=timeout_s * max(1, math.ceil(facts.video_end_s / _TIMEOUT_PER_S)),
    )
    if outcome.status < 0 or outcome.status > 128:
        raise MediaError("crash", f"ended with status {outcome.status} while cuts were looked for")
    return track.cuts()


class CutTrack:
    """Compares each picture with the one before. Input: BGR pictures of _SIDE_PX squared."""

    def __init__(self, threshold: float) -> None:
        # Value alone: hue is noise in the dark, and wraps around at red. Without a least length of scenes, else the
        # second of two cuts close together would be withheld.
        self._detector = AdaptiveDetector(
            adaptive_threshold=_PROMINENCE,
            min_scene_len=0,
            window_width=_NEIGHBOURS,
            min_content_val=threshold,
            luma_only=True,
        )
        self._rest = b""
        self._last: NDArray[np.uint8] | None = None
        self._num_shown = 0
        self._found: list[int] = []  # pictures that begin a shot

    def feed(self, data: bytes) -> None:
        """Look at the pictures that are complete."""
        joined = self._rest + data
        whole = len(joined) - len(joined) % _PICTURE_BYTES
        self._rest = joined[whole:]
        for picture in np.frombuffer(joined[:whole], np.uint8).reshape(-1, _SIDE_PX, _SIDE_PX, 3):
            if self._last is None:
                self._hold(picture)
            self._show(picture)
            self._last = picture

    def cuts(self) -> list[SceneCut]:
        """All cuts, after the last picture."""
        if self._last is not None:
            self._hold(self._last)
        return [SceneCut((number - 1) / _RATE_HZ, number / _RATE_HZ) for number in self._found]

    def _hold(self, picture: NDArray[np.uint8]) -> None:
        """Show a picture again and again: the detector judges no picture without neighbours on both sides."""
        for _ in range(_NEIGHBOURS):
            self._show(picture)

    def _show(self, picture: NDArray[np.uint8]) -> None:
        time = FrameTimecode(self._num_shown, fps=Fraction(_RATE_HZ))
        self._num_shown += 1
        self._found += [found.frame_num - _NEIGHBOURS for found in self._detector.process_frame(time, picture)]
