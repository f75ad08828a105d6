"""Reads flow from memory-mapped shards: each shard is checked once, on first use, and nothing is copied."""

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from stages import layout
from stages.shards.flow_schema import FLOW, FlowRow, cells_of, to_pixels
from stages.shards.opened import OpenShards
from stages.shards.tables import read_rows


class FlowReader:
    """Random access to the flow of clips.

    Args:
        folder: Holds clips.parquet, manifest.json and shards/.
    """

    def __init__(self, folder: Path = layout.FLOW) -> None:
        self._shards = OpenShards(folder, FLOW)
        rows = read_rows(folder / layout.FLOW_CLIPS.name, FlowRow)
        self.clips: tuple[FlowRow, ...] = tuple(sorted(rows, key=lambda clip: clip.clip_id))
        self._by_id = {clip.clip_id: clip for clip in self.clips}

    def vectors(self, clip_id: str) -> NDArray[np.int16]:
        """Displacements from each frame to the next, (T - 1, 2, h, w), in 1/64 px of the stored frame; read-only."""
        clip = self.find(clip_id)
        return self._values(clip, "vectors").reshape(clip.num_pairs, 2, cells_of(clip.height), cells_of(clip.width))

    def valid(self, clip_id: str) -> NDArray[np.uint8]:
        """1 where a displacement can be believed, else 0; (T - 1, h, w), read-only."""
        clip = self.find(clip_id)
        return self._values(clip, "valid").reshape(clip.num_pairs, cells_of(clip.height), cells_of(clip.width))

    def flow_px(self, clip_id: str) -> NDArray[np.float32]:
        """Displacements in px of the stored frame, (T - 1, 2, h, w); a copy."""
        return to_pixels(self.vectors(clip_id))

    def find(self, clip_id: str) -> FlowRow:
        """The row of a clip; ValueError where it has no flow."""
        if clip_id not in self._by_id:
            raise ValueError(f"clip {clip_id}: not among the {len(self.clips)} clips with flow; run `dvc repro flow`")
        return self._by_id[clip_id]

    def about(self, clip_id: str) -> dict[str, str]:
        """Metadata of the shard that holds a clip: units, grid, rate, backend, weights and their licence."""
        return self._shards.about(self.find(clip_id).shard)

    def _values(self, clip: FlowRow, column: str) -> NDArray[Any]:
        found = self._shards.value(clip.shard, clip.row, clip_id=clip.clip_id, column=column)
        return found.values.to_numpy()
