"""Reads clips from memory-mapped shards: each shard is checked once, on first use, and nothing else is copied."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import simplejpeg
from numpy.typing import NDArray

from stages import layout
from stages.shards.check import DECODED
from stages.shards.opened import OpenShards
from stages.shards.schema import DecodedClip
from stages.shards.tables import read_rows

_FULL_SCALE = np.float32(32768)


class ClipReader:
    """Random access to the clips of a decoded folder.

    Args:
        folder: Holds clips.parquet, manifest.json and shards/.
    """

    def __init__(self, folder: Path = layout.DECODE) -> None:
        self._shards = OpenShards(folder, DECODED)
        rows = read_rows(folder / layout.DECODED_CLIPS.name, DecodedClip)
        self.clips: tuple[DecodedClip, ...] = tuple(sorted(rows, key=lambda clip: clip.clip_id))
        self._by_id = {clip.clip_id: clip for clip in self.clips}

    def audio(self, clip_id: str) -> NDArray[np.float32]:
        """Mono waveform, (S,), in [-1, 1)."""
        samples = self._value(clip_id, "audio").values.to_numpy()
        return samples.astype(np.float32) / _FULL_SCALE

    def frames(self, clip_id: str, indices: Sequence[int]) -> list[NDArray[np.uint8]]:
        """RGB frames, each (H, W, 3), for positions 0 <= index < num_frames."""
        encoded = self._value(clip_id, "frames").values
        if indices and not 0 <= min(indices) <= max(indices) < len(encoded):
            raise ValueError(f"clip {clip_id} has {len(encoded)} frames, asked for {list(indices)}")
        return [_decode(encoded[int(index)]) for index in indices]

    def motion(self, clip_id: str) -> NDArray[np.uint8]:
        """Motion signal, (T, G, G), read-only; see docs/shards.md."""
        cells = int(self._shards.about(self._find(clip_id).shard)["motion_side_cells"])
        return self._value(clip_id, "motion").values.to_numpy().reshape(-1, cells, cells)

    def motion_levels(self, clip_id: str) -> NDArray[np.float32]:
        """Motion signal in levels of luma: mean absolute difference (0..255) to the picture before, (T, G, G)."""
        gain = int(self._shards.about(self._find(clip_id).shard)["motion_gain"])
        return self.motion(clip_id).astype(np.float32) / np.float32(gain)

    def num_frames(self, clip_id: str) -> int:
        """How many frames a clip has."""
        return self._find(clip_id).num_frames

    def about(self, clip_id: str) -> dict[str, str]:
        """Metadata of the shard that holds a clip: version and rates."""
        return self._shards.about(self._find(clip_id).shard)

    def _find(self, clip_id: str) -> DecodedClip:
        if clip_id not in self._by_id:
            raise ValueError(f"clip {clip_id}: not among the {len(self.clips)} decoded clips; run `dvc repro`")
        return self._by_id[clip_id]

    def _value(self, clip_id: str, column: str) -> Any:
        clip = self._find(clip_id)
        return self._shards.value(clip.shard, clip.row, clip_id=clip_id, column=column)


def _decode(encoded: pa.BinaryScalar) -> NDArray[np.uint8]:
    # arrow's buffers are of signed bytes, which simplejpeg refuses
    return simplejpeg.decode_jpeg(memoryview(encoded.as_buffer()).cast("B"), colorspace="RGB")
