"""Clips stored twice: as our shards, and as a folder of full-size JPEG frames and wav files, as users have them."""

from dataclasses import asdict
from pathlib import Path

import numpy as np
import simplejpeg
import soundfile
from numpy.typing import NDArray
from PIL import Image

from stages.shards.schema import ClipMedia, ClipRow, DecodedClip
from stages.shards.tables import write_rows
from stages.shards.writer import ShardFormat, open_shard, write_manifest

SIDE_PX, NUM_FRAMES, RATE_HZ, NUM_SAMPLES = 246, 48, 11025, 65_535
FULL_SIZE = (360, 640)
_FORMAT = ShardFormat(frame_rate_hz=8, sample_rate_hz=RATE_HZ, motion_rate_hz=24, motion_side_cells=24, motion_gain=4)


def make(root: Path, num_clips: int) -> list[str]:
    """Write `root/decode` (shards) and `root/folder/<clip>/` (frames, sound.wav); returns clip ids."""
    rows: list[DecodedClip] = []
    shard_path = root / "decode/shards/all.arrow"
    with open_shard(shard_path, _FORMAT) as shard:
        for number in range(num_clips):
            rows.append(_write(root, number, shard))
    write_rows(root / "decode/clips.parquet", rows, DecodedClip)
    write_manifest(root / "decode/manifest.json", {shard_path: num_clips})
    return [row.clip_id for row in rows]


def _write(root: Path, number: int, shard: object) -> DecodedClip:
    random = np.random.default_rng(number)
    pictures = _pictures(random)
    audio = (random.standard_normal(NUM_SAMPLES) * 3000).astype(np.int16)
    row = ClipRow(
        **{"clip_id": f"c{number:03d}", "video_id": f"v{number:03d}", "path": f"{number}.mp4", "arrival": "first"},
        **{"label": None, "licence": None, "split": "train", "start_sample": 0, "num_samples": NUM_SAMPLES},
        **{"start_frame": 0, "num_frames": NUM_FRAMES},
    )
    width = 2 * round(SIDE_PX * FULL_SIZE[1] / FULL_SIZE[0] / 2)
    small = [np.asarray(Image.fromarray(p).resize((width, SIDE_PX))) for p in pictures]
    jpegs = tuple(simplejpeg.encode_jpeg(np.ascontiguousarray(p), quality=92) for p in small)
    motion = np.zeros((143, 24, 24), np.uint8)
    position = shard.write(ClipMedia(row.clip_id, row.video_id, jpegs, SIDE_PX, width, audio, motion))
    folder = root / "folder" / row.clip_id
    folder.mkdir(parents=True)
    for index, picture in enumerate(pictures):
        (folder / f"{index:06d}.jpg").write_bytes(simplejpeg.encode_jpeg(picture, quality=92))
    soundfile.write(folder / "sound.wav", audio, RATE_HZ)
    place = {"height": SIDE_PX, "width": width, "shard": "all.arrow", "row": position}
    return DecodedClip(**asdict(row), rms_db=-20.0, peak=0.5, **place)


def _pictures(random: np.random.Generator) -> list[NDArray[np.uint8]]:
    """Frames with the detail of a film: smooth shapes, some noise, a little motion."""
    coarse = Image.fromarray(random.integers(0, 256, (12, 20, 3), dtype=np.uint8))
    still = np.asarray(coarse.resize((FULL_SIZE[1], FULL_SIZE[0]), Image.Resampling.BICUBIC)).astype(np.int16)
    grain = random.normal(0, 4, still.shape).astype(np.int16)
    return [np.clip(np.roll(still, 2 * k, axis=1) + grain, 0, 255).astype(np.uint8) for k in range(NUM_FRAMES)]
