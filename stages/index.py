"""Lists the clips of a folder of videos, and says of each video that is refused why."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import astuple
from functools import partial
from pathlib import Path

from stages import layout
from stages.catalogue.availability import Availability, describe
from stages.catalogue.matching import read_catalogue
from stages.catalogue.placing import account, place_of
from stages.compute.resources import num_workers
from stages.media.faults import MediaError
from stages.media.gate import inspect
from stages.media.listing import find_videos, printable
from stages.media.sandbox import version
from stages.media.shots import DETECTOR
from stages.params import Clip, Index
from stages.progress import progress
from stages.shards.census import Census
from stages.shards.findings import Findings
from stages.shards.store import source_digest
from stages.shards.tables import write_rows


def run(clip: Clip, index: Index) -> None:
    """Look at every (listed) file below index.videos in a sandbox -> clips, rejects, availability of what is listed."""
    root, census, catalogue = Path(index.videos), Census(index), read_catalogue(layout.LISTS, index.lists)
    listing = find_videos(root)
    found = {path: place_of(path, catalogue, index) for path in listing.paths}
    for path in (path for path, place in found.items() if place is None):
        census.refuse(printable(path), "not_listed", "its name holds no listed id, several, or another segment's start")
    places = [place for place in found.values() if place is not None]
    look = partial(inspect, index=index, clip=clip, recall=_findings(index))
    with ThreadPoolExecutor(num_workers()) as threads, progress("index", total=len(places), unit="files") as meter:
        for place, verdict in zip(places, threads.map(look, [root / place.path for place in places]), strict=True):
            if isinstance(verdict, MediaError):
                census.refuse(printable(place.path), verdict.reason, verdict.detail)
            else:
                census.take(verdict.video_id, place=place, windows=[astuple(window) for window in verdict.windows])
            meter.advance()
    census.write()
    available = account(catalogue, places, census.clips)
    write_rows(layout.AVAILABILITY, available, Availability)
    if available:
        print(describe(available, catalogue.contested))
    print(f"index: {census.summary()}; passed over {listing.num_companions} other files")


def _findings(index: Index) -> Findings:
    code = source_digest(Path(__file__).parent / "media")
    tools = {"ffmpeg": version(), "detector": DETECTOR}
    return Findings(layout.store().resolve(), {"cut_threshold": index.cut_threshold, "code": code, **tools})
