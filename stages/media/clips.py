"""Frames, sound and motion of a video's clips, by one pass of ffmpeg over the whole file."""

import math
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from stages.media import ffmpeg, sandbox
from stages.media.clock import SLACK_S, Window, to_frames, to_samples
from stages.media.faults import MediaError
from stages.media.probe import Facts, check_status, read_facts
from stages.media.source import Source, open_source
from stages.media.tracks import CELL_PX, FrameTrack, MotionTrack, SoundTrack
from stages.params import Clip, Decode

_MAX_ASPECT = 4  # of a stored frame: of wider pictures the middle is kept
_WHOLE = 0.8  # share of the announced frames and samples that must come out
_TIMEOUT_PER_S = 600.0  # decode.timeout_s is granted anew for each started ten minutes of video
_TRANSIENT = ("timeout", "crash")
_REINDEX = "run `dvc repro index decode`"
# muxing remarks are about what we write, not about the file
_HARMLESS = ("non monotonically increasing dts",)


@dataclass(frozen=True, slots=True)
class Cut:
    """Media of one clip."""

    frames: tuple[bytes, ...]  # JPEG
    height: int
    width: int
    audio: NDArray[np.int16]  # (S,)
    motion: NDArray[np.uint8]  # (T, G, G)


@dataclass(frozen=True, slots=True)
class DecodedVideo:
    """All that came out of a file, on the video's clock; what lies before a track's start is filled in."""

    facts: Facts
    frames: FrameTrack
    motion: MotionTrack
    sound: SoundTrack

    def cut(self, window: Window, clip: Clip, motion_rate_hz: int) -> Cut | None:
        """One clip, or None where less than its window (less SLACK_S) came out."""
        missing_frames = window.start_frame + window.num_frames - len(self.frames)
        missing_samples = window.start_sample + window.num_samples - len(self.sound)
        if missing_frames > SLACK_S * clip.frame_rate_hz or missing_samples > SLACK_S * clip.sample_rate_hz:
            return None
        frames = self.frames.read(window.start_frame, window.start_frame + window.num_frames)
        audio = self.sound.read(window.start_sample, window.start_sample + window.num_samples)
        first_motion = to_frames(window.start_frame / clip.frame_rate_hz, motion_rate_hz)
        num_motions = to_frames(clip.duration_s, motion_rate_hz)
        motion = self.motion.read(first_motion, first_motion + num_motions)
        return Cut(
            frames=(*frames, *frames[-1:] * (window.num_frames - len(frames))),
            height=self.frames.height,
            width=self.frames.width,
            audio=np.pad(audio, (0, window.num_samples - len(audio))),
            motion=np.pad(motion, ((0, num_motions - len(motion)), (0, 0), (0, 0))),
        )


def decode_clips(
    path: Path, windows: Sequence[Window], *, video_id: str, clip: Clip, decode: Decode
) -> Iterator[Cut | None]:
    """Cut the windows out of a file, in their order; None for one that lies beyond what came out.

    Raises `MediaError` before the first cut when the file cannot be decoded (tried twice where a loaded machine may
    be to blame), and `ValueError` when the file is gone or its content is not that of `video_id` any more.
    """
    with ExitStack() as stack:
        try:
            source = stack.enter_context(open_source(path))
        except MediaError as error:
            raise ValueError(f"{path}: {error}, since it was indexed; {_REINDEX}") from error
        if source.video_id != video_id:
            raise ValueError(f"{path}: its content changed since it was indexed; {_REINDEX}")
        try:
            video = decode_video(source, clip, decode)
        except MediaError as error:
            if error.reason not in _TRANSIENT:
                raise
            video = decode_video(source, clip, decode)
    for window in windows:
        yield video.cut(window, clip, decode.motion_rate_hz)


def decode_video(source: Source, clip: Clip, decode: Decode) -> DecodedVideo:
    """Decode a whole file in the sandbox; `MediaError` for damage, bad samples, a crash or too long a time."""
    facts = read_facts(source, timeout_s=decode.timeout_s)
    plan = _plan(facts, clip, decode)
    frames = FrameTrack(plan.crop_height, plan.crop_width, decode.jpeg_quality)
    motion = MotionTrack(decode.motion_side_cells)
    sound = SoundTrack(plan.channels)
    given = ffmpeg.Input(source.descriptor, source.demuxer, facts.video_stream, facts.audio_stream, facts.zero_s)
    outcome = sandbox.run(
        lambda pipes: ffmpeg.decode_command(given, plan, pipes),
        sinks=[frames, motion, sound],
        descriptor=source.descriptor,
        timeout_s=decode.timeout_s * max(1, math.ceil(facts.end_s / _TIMEOUT_PER_S)),
    )
    video = DecodedVideo(facts, frames, motion, sound)
    _check(video, outcome, clip)
    return video


def stored_size(height: int, width: int, side_px: int) -> tuple[int, int]:
    """Even height and width of a picture scaled so that its shorter side is `side_px` (rounded up to even)."""
    scale = (side_px + side_px % 2) / min(height, width)
    return _even(height * scale), _even(width * scale)


def _even(length_px: float) -> int:
    return max(2, 2 * round(length_px / 2))


def _plan(facts: Facts, clip: Clip, decode: Decode) -> ffmpeg.Output:
    height, width = stored_size(facts.height, facts.width, clip.frame_side_px)
    longest_px = _MAX_ASPECT * min(height, width)
    return ffmpeg.Output(
        duration_s=facts.end_s,
        frame_rate_hz=clip.frame_rate_hz,
        num_frames=to_frames(facts.end_s, clip.frame_rate_hz) + 1,
        height=height,
        width=width,
        crop_width=min(width, longest_px),
        crop_height=min(height, longest_px),
        motion_rate_hz=decode.motion_rate_hz,
        num_motions=to_frames(facts.end_s, decode.motion_rate_hz) + 1,
        motion_side_px=decode.motion_side_cells * CELL_PX,
        sample_rate_hz=clip.sample_rate_hz,
        channels=min(2, facts.channels),
    )


def _check(video: DecodedVideo, outcome: sandbox.Outcome, clip: Clip) -> None:
    """Exit status 0 proves nothing: half a file, flipped bits and covers all give it."""
    check_status(outcome)
    errors = [line for line in outcome.errors if not any(remark in line for remark in _HARMLESS)]
    if errors:
        raise MediaError("damaged", f"{len(errors)} errors, the first: {errors[0]}")
    expected_frames = to_frames(video.facts.video_end_s, clip.frame_rate_hz)
    expected_samples = to_samples(video.facts.audio_end_s, clip.sample_rate_hz)
    if len(video.frames) < _WHOLE * expected_frames or len(video.sound) < _WHOLE * expected_samples:
        found = f"{len(video.frames)} of {expected_frames} frames, {len(video.sound)} of {expected_samples} samples"
        raise MediaError("damaged", f"only {found} came out")
    if video.sound.num_bad:
        raise MediaError("bad_samples", f"{video.sound.num_bad} sound samples are no finite numbers")
    if not video.sound.peak:
        raise MediaError("silent", f"all {len(video.sound)} sound samples are zero")
