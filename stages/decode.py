"""Decodes indexed videos into shards of frames, sound and motion."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from stages import layout
from stages.compute.pool import make_all
from stages.media.clips import decode_clips
from stages.media.clock import Window
from stages.media.faults import MediaError
from stages.media.sandbox import version
from stages.media.tracks import MOTION_GAIN
from stages.params import At, Clip, Decode
from stages.progress import progress
from stages.shards.jobs import MAX_DEATHS, ShardMaker, VideoClips, assemble, plan, summary
from stages.shards.schema import ClipMedia, ClipRow, Reject
from stages.shards.store import Store, source_digest
from stages.shards.tables import read_rows
from stages.shards.writer import ShardFormat

_NOT_CONTENT = {"videos_per_shard", "timeout_s"}  # these decide who does the work and how long it may take
_CODE = ("decode.py", "media", "shards/jobs.py", "shards/schema.py", "shards/writer.py")
_RATES = {"frame_rate_hz", "sample_rate_hz", "motion_rate_hz", "motion_side_cells"}


def run(clip: Clip, decode: Decode, videos: Annotated[str, At("index.videos")]) -> None:
    """Decode the clips of the index, one ffmpeg a video, side by side -> shards, clips, rejects, manifest."""
    jobs = plan(read_rows(layout.CLIPS, ClipRow), decode.videos_per_shard)
    rates = clip.model_dump(include=_RATES) | decode.model_dump(include=_RATES)
    store = Store(layout.store().resolve())
    with store.workplace("decode", "tries") as tries:
        maker = ShardMaker(
            store=store.root,
            naming={"clip": clip.model_dump(), "decode": decode.model_dump(exclude=_NOT_CONTENT)},
            recipe={
                "code": source_digest(*map(Path(__file__).parent.joinpath, _CODE)),
                "tool": version(),
                "timeout_s": decode.timeout_s,
            },
            layout=ShardFormat(**rates, motion_gain=MOTION_GAIN),
            open_video=VideoOpener(Path(videos).resolve(), clip, decode),
            tries=tries,
        )
        deaths = MAX_DEATHS * decode.videos_per_shard
        with progress("decode", total=sum(job.num_clips for job in jobs), unit="clips") as meter:
            decoded = make_all(maker, jobs, lambda n: meter.advance(jobs[n].num_clips), max_deaths=deaths)
    assemble(layout.DECODE, decoded)
    store.note_use("decode", [result.folder for result in decoded])
    print(f"decode: {summary(decoded)}")


@dataclass(frozen=True, slots=True)
class VideoOpener:
    """Decodes one video below a root; a worker gets it by pickle."""

    root: Path
    clip: Clip
    decode: Decode

    def __call__(self, video: VideoClips) -> Iterator[ClipMedia | Reject]:
        """Media of the video's clips; a reject in place of what does not decode."""
        wanted = [Window(c.start_sample, c.num_samples, c.start_frame, c.num_frames) for c in video.clips]
        path = self.root / video.path
        try:
            cuts = decode_clips(path, wanted, video_id=video.video_id, clip=self.clip, decode=self.decode)
            for row, cut in zip(video.clips, cuts, strict=True):
                if cut is None:
                    yield Reject(video.path, "decode", "too_short", f"clip {row.clip_id} lies beyond what decodes")
                else:
                    yield ClipMedia(row.clip_id, row.video_id, cut.frames, cut.height, cut.width, cut.audio, cut.motion)
        except MediaError as error:
            yield Reject(video.path, "decode", error.reason, error.detail)
