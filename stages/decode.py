"""Decodes indexed videos into shards of frames, sound and motion."""

from pathlib import Path

from stages import layout
from stages.compute.pool import make_all
from stages.decoding.opener import VideoOpener
from stages.media.sandbox import version
from stages.media.tracks import MOTION_GAIN
from stages.params import Clip, Decode, RejectShare, Videos
from stages.progress import progress
from stages.shards.jobs import MAX_DEATHS, ShardMaker, assemble, plan, summary
from stages.shards.schema import ClipRow
from stages.shards.store import Store, source_digest
from stages.shards.tables import read_rows
from stages.shards.writer import ShardFormat

_NOT_CONTENT = {"videos_per_shard", "timeout_s"}  # these decide who does the work and how long it may take
_CODE = ("decode.py", "decoding", "media", "shards/jobs.py", "shards/schema.py", "shards/writer.py")
_RATES = {"frame_rate_hz", "sample_rate_hz", "motion_rate_hz", "motion_side_cells"}


def run(clip: Clip, decode: Decode, videos: Videos, max_reject_share: RejectShare) -> None:
    """Decode the clips of the index, one ffmpeg a video, side by side -> shards, clips, rejects, manifest."""
    jobs = plan(read_rows(layout.CLIPS, ClipRow), decode.videos_per_shard)
    code = source_digest(*(Path(__file__).parent / name for name in _CODE))
    rates = clip.model_dump(include=_RATES) | decode.model_dump(include=_RATES)
    store = Store(layout.store().resolve())
    with store.tidying("decode"), store.workplace("decode", "tries") as tries:
        maker = ShardMaker(
            store=store.root,
            naming={"clip": clip.model_dump(), "decode": decode.model_dump(exclude=_NOT_CONTENT)},
            recipe={"code": code, "tool": version(), "timeout_s": decode.timeout_s},
            layout=ShardFormat(**rates, motion_gain=MOTION_GAIN),
            open_video=VideoOpener(Path(videos).resolve(), clip, decode),
            tries=tries,
        )
        deaths = MAX_DEATHS * decode.videos_per_shard  # each video of a shard may be one that kills
        with progress("decode", total=sum(job.num_clips for job in jobs), unit="clips") as meter:
            decoded = make_all(maker, jobs, lambda n: meter.advance(jobs[n].num_clips), max_deaths=deaths)
    store.note_use("decode", [result.folder for result in decoded])
    assemble(layout.DECODE, decoded, max_reject_share)
    print(f"decode: {summary(decoded)}")
