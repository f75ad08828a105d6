"""What is known of a run's videos before training: a row each, kept so that the next run can be held against it."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import groupby
from math import log10
from pathlib import Path

from stages.shards.flags import ClipCoincidence
from stages.shards.schema import DecodedClip, Reject
from stages.shards.tables import read_rows, write_rows

_VIDEOS = "videos.parquet"
_REJECTS = "rejects.parquet"
_NOT_BAD = ("duplicate", "not_listed")  # files that nobody asked for


@dataclass(frozen=True, slots=True)
class Video:
    """One video of which clips were decoded."""

    video_id: str
    path: str
    label: str | None
    duration_s: float  # of its clips together
    rms_db: float  # of its clips' sound together, dB of full scale
    is_flagged: bool  # still or dubbed in more than half of its clips


@dataclass(frozen=True, slots=True)
class Videos:
    """All that a run knows of what it was given."""

    taken: tuple[Video, ...]
    refused: tuple[Reject, ...]  # whole files, and clips of files


def describe(
    clips: Sequence[DecodedClip], flags: Iterable[ClipCoincidence], rejects: Iterable[Reject], *, sample_rate_hz: int
) -> Videos:
    """Gather clips into videos; rejects that say nothing of a file's soundness are left out."""
    flagged = {row.clip_id for row in flags if row.still or row.dubbed}
    ordered = sorted(clips, key=lambda clip: (clip.video_id, clip.clip_id))
    groups = [list(some) for _, some in groupby(ordered, key=lambda clip: clip.video_id)]
    taken = tuple(_video(some, flagged, sample_rate_hz) for some in groups)
    return Videos(taken, tuple(reject for reject in rejects if reject.reason not in _NOT_BAD))


def keep(folder: Path, videos: Videos) -> None:
    """Write for a later run to read."""
    write_rows(folder / _VIDEOS, videos.taken, Video)
    write_rows(folder / _REJECTS, videos.refused, Reject)


def recall(folder: Path) -> Videos:
    """What an earlier run kept; `TableError` where it did not."""
    return Videos(tuple(read_rows(folder / _VIDEOS, Video)), tuple(read_rows(folder / _REJECTS, Reject)))


def _video(clips: Sequence[DecodedClip], flagged: set[str], sample_rate_hz: int) -> Video:
    num_samples = sum(clip.num_samples for clip in clips)
    power = sum(clip.num_samples * 10 ** (clip.rms_db / 10) for clip in clips) / num_samples
    first = clips[0]
    return Video(
        video_id=first.video_id,
        path=first.path,
        label=first.label,
        duration_s=num_samples / sample_rate_hz,
        rms_db=10 * log10(power),
        is_flagged=sum(clip.clip_id in flagged for clip in clips) > len(clips) / 2,
    )
