"""What the stage `coincidence` says of each clip, and which clips training may leave out for it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from stages.params import Flag
from stages.shards.schema import DecodedClip
from stages.shards.tables import TableError, read_rows


@dataclass(frozen=True, slots=True)
class ClipCoincidence:
    """One clip of data/coincidence/coincidence.parquet; found without labels and truth."""

    clip_id: str
    video_id: str
    num_audio_onsets: int
    num_visual_onsets: int  # of the region that fits the sound best
    p: float  # share of frames in which sound and that region agree
    ll: float  # log-likelihood at p, nats a frame
    lift: float  # of the log-likelihood over sound that is shifted in time, nats a frame
    video_lift: float  # the same of all moving clips of the video together
    motion: float  # mean change of the busiest cell, luma levels (0..255) from one picture to the next
    still: bool
    dubbed: bool


def leave_out(
    clips: Sequence[DecodedClip], path: Path, flags: Sequence[Flag]
) -> tuple[list[DecodedClip], dict[Flag, int]]:
    """Clips without any of the flags, and how many of the training split bear each (one may bear several).

    Raises `TableError` where the table of coincidence is missing or knows other clips: a flag must not be forgotten.
    """
    if not flags:
        return list(clips), {}
    rows = {row.clip_id: row for row in read_rows(path, ClipCoincidence)}
    if missing := [clip.clip_id for clip in clips if clip.clip_id not in rows]:
        raise TableError(
            f"{path}: has {len(rows)} clips, but not {missing[0]} and {len(missing) - 1} more that were decoded; run "
            f"`dvc repro coincidence`"
        )
    marked: dict[Flag, set[str]] = {
        flag: {clip_id for clip_id, row in rows.items() if getattr(row, flag)} for flag in flags
    }
    counts: dict[Flag, int] = {
        flag: sum(clip.clip_id in ids and clip.split == "train" for clip in clips) for flag, ids in marked.items()
    }
    return [clip for clip in clips if not any(clip.clip_id in ids for ids in marked.values())], counts


def describe(left_out: Mapping[Flag, int]) -> str:
    """Clips left out of training by flag, in words."""
    return ", ".join(f"{flag} {number}" for flag, number in left_out.items()) or "none"
