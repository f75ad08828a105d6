"""Lists the clips of a folder of videos, and says of each video that is refused why."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import astuple
from functools import partial
from pathlib import Path

from stages.compute.resources import num_workers
from stages.media.faults import MediaError
from stages.media.gate import inspect
from stages.media.listing import arrival_of, find_videos, label_of, printable
from stages.params import Clip, Index
from stages.progress import progress
from stages.shards.census import Census


def run(clip: Clip, index: Index) -> None:
    """Probe every file below index.videos in a sandbox, several at once -> clips.parquet, rejects.parquet."""
    root, census = Path(index.videos), Census(index)
    listing = find_videos(root)
    files = [root / path for path in listing.paths]
    with ThreadPoolExecutor(num_workers()) as threads, progress("index", total=len(files), unit="files") as meter:
        verdicts = threads.map(partial(inspect, index=index, clip=clip), files)
        for path, verdict in zip(listing.paths, verdicts, strict=True):
            if isinstance(verdict, MediaError):
                census.refuse(printable(path), verdict.reason, verdict.detail)
            else:
                place = (path, arrival_of(path), label_of(path))
                census.take(verdict.video_id, place=place, windows=[astuple(window) for window in verdict.windows])
            meter.advance()
    census.write()
    print(f"index: {census.summary()}; passed over {listing.num_companions} other files")
