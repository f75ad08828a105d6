"""Tests whether what is heard begins when something begins to move; flags still pictures and foreign sound."""

from typing import Annotated

from stages import layout
from stages.metrics.coincidence import around
from stages.metrics.coincidence_scores import judge, score_pairs, summarise, table
from stages.metrics.onset_shards import OnsetMaker, joined, read_onsets, write_maps
from stages.metrics.pointing import score_maps
from stages.params import At, Clip, Coincidence
from stages.progress import progress
from stages.shards.check import DECODED, read_manifest
from stages.shards.files import write_json
from stages.shards.flags import ClipCoincidence
from stages.shards.laying import by_shard
from stages.shards.reader import ClipReader
from stages.shards.store import Store
from stages.shards.tables import write_rows


def run(
    clip: Clip,
    coincidence: Coincidence,
    motion_rate_hz: Annotated[int, At("decode.motion_rate_hz")],
    builtin: Annotated[tuple[str, ...], At("index.builtin")],
) -> None:
    """Hold the onsets of sound and motion of all clips against each other -> coincidence, metrics, maps.

    Truth and labels enter metrics.json alone: no flag knows them.
    """
    reader, store = ClipReader(), Store(layout.store().resolve())
    make = OnsetMaker(reader, clip, motion_rate_hz, coincidence, store.root)
    shards, folders = read_manifest(layout.MANIFEST, DECODED), []
    grouped = by_shard(reader.clips)
    clips = [row for some in grouped.values() for row in some]
    with progress("coincidence", total=len(clips), unit="clips") as meter:
        for shard, some in grouped.items():
            folders.append(make(some, shards[shard]))
            meter.advance(len(some))
    store.note_use("coincidence", folders)
    onsets = joined([read_onsets(folder) for folder in folders])
    rows = judge(clips, onsets, coincidence)
    write_rows(layout.COINCIDENCE, sorted(rows, key=lambda row: row.clip_id), ClipCoincidence)
    write_maps(layout.COINCIDENCE_MAPS, clips, onsets)
    summary = summarise(clips, rows, score_pairs(clips, onsets, coincidence))
    truths = [layout.TRUTH / name for name in builtin]
    for name, maps in {"maps": around(onsets.maps), "most_moving": onsets.changes}.items():
        summary[name] = score_maps(clips, maps, truths, clip.frame_rate_hz)
    write_json(layout.COINCIDENCE_METRICS, summary)
    print("\n".join(f"coincidence: {line}" for line in table(summary)))
