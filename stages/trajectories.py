"""Carries points along the flow of all clips: shards of trajectories, one for each shard of flow."""

from stages import layout
from stages.motion.tracing import TraceMaker, assemble, recipe
from stages.params import Trajectories
from stages.progress import progress
from stages.shards.flow_origin import read_origin
from stages.shards.store import Store


def run(trajectories: Trajectories) -> None:
    """Follow a grid of points through every clip, from its flow alone -> shards, clips, manifest.

    In this process: a clip takes milliseconds, less than a worker needs to hear of it.
    """
    store = Store(layout.store().resolve())
    maker = TraceMaker(store.root, trajectories, recipe(), layout.FLOW)
    jobs = maker.jobs()
    results = []
    with progress("trajectories", total=sum(len(job.clips) for job in jobs), unit="clips") as meter:
        for job in jobs:
            results.append(maker(job))
            meter.advance(len(job.clips))
    store.note_use("trajectories", [result.folder for result in results])
    assemble(layout.TRAJECTORIES, results)
    clips = [clip for result in results for clip in result.clips]
    lost = sum(clip.lost_share for clip in clips) / max(1, len(clips))
    origin = read_origin(layout.FLOW_ORIGIN) or "unknown"
    counts = f"{len(clips)} clips in {len(results)} shards; {lost:.0%} of all steps are lost"
    print(f"trajectories along flow by {origin}: {counts}")
