"""What a clip, its media and the rows of our tables hold; every value is checked when it is made."""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

SCHEMA_VERSION = 2

Split = Literal["train", "validation", "test", "shifted"]  # shifted: test material of another kind than the rest
SPLITS: tuple[Split, ...] = ("train", "validation", "test", "shifted")
WINDOW = ("start_sample", "num_samples", "start_frame", "num_frames")  # the fields that place a clip on its clock


@dataclass(frozen=True, slots=True)
class ClipMedia:
    """Frames, sound and motion of one clip, as stored in a shard."""

    clip_id: str
    video_id: str
    frames: tuple[bytes, ...]  # JPEG, frame k is the one shown k / frame_rate_hz after the clip's start
    height: int  # of every frame, px
    width: int
    audio: NDArray[np.int16]  # (S,) mono, 32768 = full scale
    motion: NDArray[np.uint8]  # (T, G, G), gain * mean |luma_t - luma_(t-1)| of each cell

    def __post_init__(self) -> None:
        if not self.frames or not all(self.frames):
            raise ValueError(f"clip {self.clip_id}: expected at least one frame and no empty one")
        if self.height < 1 or self.width < 1:
            raise ValueError(f"clip {self.clip_id}: frame size must be positive, got {self.height}x{self.width}")
        if self.audio.dtype != np.int16 or self.audio.ndim != 1 or not len(self.audio):
            raise ValueError(f"clip {self.clip_id}: audio must be int16 (S,), got {_describe(self.audio)}")
        if self.motion.dtype != np.uint8 or self.motion.ndim != 3 or self.motion.shape[1] != self.motion.shape[2]:
            raise ValueError(f"clip {self.clip_id}: motion must be uint8 (T, G, G), got {_describe(self.motion)}")


@dataclass(frozen=True, slots=True)
class ClipRow:
    """A clip of data/index/clips.parquet: half-open windows on a clock whose zero is the earlier track's start."""

    clip_id: str
    video_id: str  # first 16 hex digits of the sha256 of the file's bytes
    path: str  # relative to index.videos
    arrival: str  # first-level folder, "." for a file directly in the root
    label: str | None  # parent folder's name, None in the root; training never sees it
    licence: str | None  # SPDX expression by index.licences, None where it says nothing
    split: Split
    start_sample: int
    num_samples: int
    start_frame: int  # on the grid of clip.frame_rate_hz
    num_frames: int

    def __post_init__(self) -> None:
        if self.split not in SPLITS:
            raise ValueError(f"clip {self.clip_id}: split must be one of {', '.join(SPLITS)}, got {self.split!r}")
        if min(self.start_sample, self.start_frame) < 0 or min(self.num_samples, self.num_frames) < 1:
            raise ValueError(
                f"clip {self.clip_id}: windows must start at 0 or later and hold something, got samples "
                f"{self.start_sample}+{self.num_samples}, frames {self.start_frame}+{self.num_frames}"
            )


@dataclass(frozen=True, slots=True)
class DecodedClip(ClipRow):
    """One clip of data/decode/clips.parquet: where it lies and how loud it is."""

    rms_db: float  # root mean square, dB of full scale; SILENCE_DB for digital silence
    peak: float  # largest |sample|, full scale = 1
    height: int  # of the stored frames, px
    width: int
    shard: str  # file name under data/decode/shards
    row: int  # record batch in that shard


@dataclass(frozen=True, slots=True)
class Reject:
    """A video (or one clip of it) that is not used, and why."""

    path: str
    stage: str
    reason: str  # a code, such as no_audio
    detail: str


@dataclass(frozen=True, slots=True)
class MixSource:
    """One source of a fixed evaluation mix; a mix of N has rows with source = 0..N-1."""

    mix_id: str
    kind: str
    split: Split
    source: int
    clip_id: str
    video_id: str
    label: str | None

    def __post_init__(self) -> None:
        if self.source < 0 or self.split not in SPLITS:
            raise ValueError(f"mix {self.mix_id}: source {self.source} of split {self.split!r} is impossible")


def _describe(array: NDArray[np.generic]) -> str:
    return f"{array.dtype} {array.shape}"
