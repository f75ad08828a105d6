"""Decoded folders of pictures that move as told."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import simplejpeg
from numpy.typing import NDArray

from stages.params import Consistency, Flow
from stages.shards.schema import ClipMedia, DecodedClip
from stages.shards.tables import write_rows
from stages.shards.writer import open_shard, write_manifest
from tests.synth.shards import FORMAT, clip_row

FLOW = Flow(
    backend="dis",
    preset="default",
    weights=None,
    device="auto",
    precision="fp32",
    channels_last=True,
    compile=False,
    looks=1,
    refined=False,
    batch_pairs=6,
    num_cpus=1.0,
    num_gpus=0.0,
    consistency=Consistency(check=True, relative=0.01, absolute_px2=0.5),
)


def texture(height: int, width: int, seed: int, top_px: int = 0, left_px: int = 0) -> NDArray[np.uint8]:
    """RGB of smooth waves in every direction, (H, W, 3); the picture around it goes on wherever the window lies."""
    draw = np.random.default_rng(seed)
    y, x = np.mgrid[top_px : top_px + height, left_px : left_px + width].astype(np.float64)
    picture = np.zeros((height, width))
    for _ in range(12):
        angle, length_px, phase = draw.uniform(0, 2 * np.pi), draw.uniform(6, 24), draw.uniform(0, 2 * np.pi)
        picture += np.sin(2 * np.pi * (np.cos(angle) * x + np.sin(angle) * y) / length_px + phase)
    grey = np.clip(128 + 24 * picture, 0, 255).astype(np.uint8)
    return np.repeat(grey[:, :, None], 3, axis=2)


@dataclass(frozen=True, slots=True)
class Shift:
    """A clip whose picture moves by whole px a frame; the first frame is `texture(height, width, seed)`."""

    number: int
    right_px: int = 2
    down_px: int = -1
    num_frames: int = 4
    height: int = 32
    width: int = 48
    dark: bool = False  # all frames are black

    def frame(self, index: int) -> NDArray[np.uint8]:
        """RGB, (H, W, 3)."""
        if self.dark:
            return np.zeros((self.height, self.width, 3), np.uint8)
        return texture(self.height, self.width, self.number, -self.down_px * index, -self.right_px * index)


def moving_folder(folder: Path, clips_per_shard: Sequence[Sequence[Shift]]) -> list[DecodedClip]:
    """Write shards first-0.arrow, first-1.arrow, ... with manifest and clips.parquet; one video a shard."""
    rows: list[DecodedClip] = []
    shards: dict[Path, int] = {}
    for shard, clips in enumerate(clips_per_shard):
        path = folder / "shards" / f"first-{shard}.arrow"
        with open_shard(path, FORMAT) as writer:
            for clip in clips:
                media = _media(clip, f"v{shard}")
                fields = asdict(clip_row(clip.number, f"v{shard}")) | {"num_frames": clip.num_frames}
                where = {"shard": path.name, "row": writer.write(media), "height": clip.height, "width": clip.width}
                rows.append(DecodedClip(**fields, **where, rms_db=-20.0, peak=0.6))
        shards[path] = len(clips)
    write_rows(folder / "clips.parquet", rows, DecodedClip)
    write_manifest(folder / "manifest.json", shards)
    return rows


def _media(clip: Shift, video_id: str) -> ClipMedia:
    frames = (clip.frame(index) for index in range(clip.num_frames))
    return ClipMedia(
        clip_id=f"{video_id}-{clip.number:05d}",
        video_id=video_id,
        frames=tuple(simplejpeg.encode_jpeg(frame, quality=98, colorsubsampling="444") for frame in frames),
        height=clip.height,
        width=clip.width,
        audio=np.zeros(500, np.int16),
        motion=np.zeros((12, 4, 4), np.uint8),
    )
