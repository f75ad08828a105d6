"""Who is in: the clips of the videos that are taken, and the rejects, in the order in which videos are reported."""

from collections import Counter
from collections.abc import Sequence

from stages import layout
from stages.params import Index
from stages.shards.schema import SPLITS, ClipRow, Reject
from stages.shards.splits import split_of
from stages.shards.tables import write_rows

_STAGE = "index"


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

    def take(self, video_id: str, *, place: tuple[str, str, str | None], windows: Sequence[Sequence[int]]) -> None:
        """Note a video's clips; a second file of the same content is refused as a duplicate.

        Args:
            video_id: Name of the content.
            place: Path, arrival folder and label.
            windows: First sample, number of samples, first frame, number of frames of each clip.
        """
        path, arrival, label = place
        if video_id in self._paths:
            self.refuse(path, "duplicate", f"same bytes as {self._paths[video_id]}")
            return
        self._num_files += 1
        self._paths[video_id] = path
        split = split_of(video_id, arrival, self._index)
        for number, window in enumerate(windows):
            self.clips.append(ClipRow(f"{video_id}-{number:05d}", video_id, path, arrival, label, split, *window))

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
        bad = [reject for reject in self.rejects if reject.reason != "duplicate"]
        counts = f"{len(bad)} of {self._num_files} files rejected ({count_reasons(bad)})"
        if not self.clips:
            raise CensusError(f"{root}: no video can be used: {counts}; {layout.INDEX_REJECTS} says why")
        if len(bad) > allowed * self._num_files:
            raise CensusError(
                f"{root}: {counts}, more than index.max_reject_share = {allowed:g} allows; "
                f"{layout.INDEX_REJECTS} says why"
            )


def count_reasons(rejects: Sequence[Reject]) -> str:
    """Reasons with their numbers."""
    counts = Counter(reject.reason for reject in rejects)
    return ", ".join(f"{reason} {count}" for reason, count in sorted(counts.items())) or "none"
