"""Clips, shards and decoded folders of known content."""

from dataclasses import asdict
from pathlib import Path

import numpy as np
import simplejpeg

from stages.shards.schema import ClipMedia, ClipRow, DecodedClip
from stages.shards.tables import write_rows
from stages.shards.writer import ShardFormat, open_shard, write_manifest

FORMAT = ShardFormat(frame_rate_hz=8, sample_rate_hz=1000, motion_rate_hz=24, motion_side_cells=4, motion_gain=4)
NUM_FRAMES = 4


def clip_media(number: int, video_id: str = "v0") -> ClipMedia:
    """Half a second; frame k is grey of 20 * k + number."""
    draw = np.random.default_rng(number)
    frames = [np.full((16, 24, 3), 20 * k + number, np.uint8) for k in range(NUM_FRAMES)]
    return ClipMedia(
        clip_id=f"{video_id}-{number:05d}",
        video_id=video_id,
        frames=tuple(simplejpeg.encode_jpeg(frame, quality=95) for frame in frames),
        height=16,
        width=24,
        audio=draw.integers(-20000, 20000, 500).astype(np.int16),
        motion=draw.integers(0, 256, (12, 4, 4)).astype(np.uint8),
    )


def clip_row(number: int, video_id: str = "v0", arrival: str = "first") -> ClipRow:
    """Where the clip `number` of a video lies in it."""
    return ClipRow(
        clip_id=f"{video_id}-{number:05d}",
        video_id=video_id,
        path=f"{arrival}/{video_id}.mp4",
        arrival=arrival,
        label=arrival,
        licence=None,
        split="train",
        start_sample=500 * number,
        num_samples=500,
        start_frame=NUM_FRAMES * number,
        num_frames=NUM_FRAMES,
    )


def decoded_folder(folder: Path, clips_per_shard: tuple[int, ...]) -> list[ClipMedia]:
    """Write shards s0.arrow, s1.arrow, ... with manifest and clips.parquet; returns all media in order."""
    written: list[ClipMedia] = []
    rows: list[DecodedClip] = []
    shards: dict[Path, int] = {}
    for shard, count in enumerate(clips_per_shard):
        path = folder / "shards" / f"s{shard}.arrow"
        with open_shard(path, FORMAT) as writer:
            for _ in range(count):
                media = clip_media(len(written))
                where = {"shard": path.name, "row": writer.write(media), "height": media.height, "width": media.width}
                rows.append(DecodedClip(**asdict(clip_row(len(written))), **where, rms_db=-20.0, peak=0.6))
                written.append(media)
        shards[path] = count
    write_rows(folder / "clips.parquet", rows, DecodedClip)
    write_manifest(folder / "manifest.json", shards)
    return written
