"""Looks for videos that are in two splits under two names: scores on them would measure memory."""

from collections import Counter
from itertools import groupby

from stages import layout
from stages.fingerprints.leaks import Leak, find_leaks, fingerprint
from stages.params import Clip, Leakage
from stages.progress import progress
from stages.shards.reader import ClipReader
from stages.shards.tables import write_rows


class LeakageError(ValueError):
    """Splits share videos, and leakage.action says that this must not be."""


def run(clip: Clip, leakage: Leakage) -> None:
    """Compare ids, pictures and sound of all decoded videos across splits -> leaks.parquet."""
    reader = ClipReader()
    ordered = sorted(reader.clips, key=lambda row: (row.video_id, row.start_sample))
    groups = [list(clips) for _, clips in groupby(ordered, key=lambda row: row.video_id)]
    videos = []
    with progress("leakage", total=len(groups), unit="videos") as meter:
        for clips in groups:
            videos.append(fingerprint(reader, clips, clip))
            meter.advance()
    leaks = find_leaks(videos, leakage)
    write_rows(layout.LEAKS, leaks, Leak)
    kinds = Counter(leak.kind for leak in leaks)
    counts = ", ".join(f"{kind} {kinds[kind]}" for kind in ("id", "picture", "sound"))
    print(f"leakage: {len(videos)} videos compared across splits; pairs that share something: {counts}")
    if leaks and leakage.action == "fail":
        raise LeakageError(
            f"{layout.LEAKS}: {len(leaks)} pairs of videos in different splits share something ({counts}), the first: "
            f"{leaks[0].path} and {leaks[0].other_path}; remove one of each pair, or set leakage.action to report"
        )
