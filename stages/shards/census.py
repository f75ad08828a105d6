"""Who is in: the clips of the videos that are taken, and the rejects, in the order in which videos are reported."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, fields

from stages import layout
from stages.params import Index
from stages.shards.schema import SPLITS, WINDOW, ClipRow, Reject, Split
from stages.shards.splits import split_of
from stages.shards.tables import write_rows

_STAGE = "index"
_NOT_BAD = ("duplicate", "not_listed")  # files that nobody asked for are no sign of a broken folder


@dataclass(frozen=True, slots=True)
class Place:
    """What is known of a file before it is opened."""

    path: str  # relative to index.videos
    arrival: str
    label: str | None
    licence: str | None
    split: Split | None  # None: by the hash of the content


class CensusError(ValueError):
    """No video is left, or more are bad than index.max_reject_share allows."""


class Census:
    """Collects the verdicts on all files of a root folder."""

    def __init__(self, index: Index) -> None:
        self._index = index
        self._num_files = 0
        self._paths: dict[str, str] = {}  # by video id
        self.clips: list[ClipRow] = []
        self.rejects: list[Reject] = []

    def refuse(self, path: str, reason: str, detail: str) -> None:
        """Note a file that cannot be used."""
        self._num_files += 1
        self.rejects.append(Reject(path, _STAGE, reason, detail))

    def take(self, video_id: str, *, place: Place, windows: Sequence[Sequence[int]]) -> None:
        """Note a video's clips; a second file of the same content is refused as a duplicate.

        Args:
            video_id: Name of the content.
            place: Of its file.
            windows: First sample, number of samples, first frame, number of frames of each clip.
        """
        if video_id in self._paths:
            self.refuse(place.path, "duplicate", f"same bytes as {self._paths[video_id]}")
            return
        self._num_files += 1
        self._paths[video_id] = place.path
        origin = {field.name: getattr(place, field.name) for field in fields(place)}
        origin["split"] = place.split or split_of(video_id, place.arrival, self._index)
        for number, window in enumerate(windows):
            spans = dict(zip(WINDOW, window, strict=True))
            self.clips.append(ClipRow(clip_id=f"{video_id}-{number:05d}", video_id=video_id, **origin, **spans))

    def write(self) -> None:
        """Write rejects.parquet, then clips.parquet unless too little is left; the message then counts the reasons."""
        write_rows(layout.INDEX_REJECTS, self.rejects, Reject)
        self._check()
        write_rows(layout.CLIPS, sorted(self.clips, key=lambda row: row.clip_id), ClipRow)

    def summary(self) -> str:
        """Files, videos, clips of each split, rejects of each reason."""
        splits = Counter(row.split for row in self.clips)
        clips = f"{len(self.clips)} clips ({', '.join(f'{name} {splits[name]}' for name in SPLITS)})"
        return f"{self._num_files} files, {len(self._paths)} videos, {clips}; rejected: {count_reasons(self.rejects)}"

    def _check(self) -> None:
        root, allowed = self._index.videos, self._index.max_reject_share
        if not self._num_files:
            raise CensusError(f"{root}: no file that may be a video; put videos there, or change index.videos")
        wanted = self._num_files - sum(reject.reason == "not_listed" for reject in self.rejects)
        bad = [reject for reject in self.rejects if reject.reason not in _NOT_BAD]
        counts = f"{len(bad)} of {wanted} files rejected ({count_reasons(bad)})"
        if not self.clips:
            raise CensusError(f"{root}: no video can be used: {counts}; {layout.INDEX_REJECTS} says why")
        if len(bad) > allowed * wanted:
            raise CensusError(
                f"{root}: {counts}, more than index.max_reject_share = {allowed:g} allows; "
                f"{layout.INDEX_REJECTS} says why"
            )


def count_reasons(rejects: Sequence[Reject]) -> str:
    """Reasons with their numbers."""
    counts = Counter(reject.reason for reject in rejects)
    return ", ".join(f"{reason} {count}" for reason, count in sorted(counts.items())) or "none"
