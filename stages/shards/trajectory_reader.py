"""Reads trajectories from memory-mapped shards: each shard is checked once, on first use, and nothing is copied."""

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from stages import layout
from stages.shards.opened import OpenShards
from stages.shards.tables import read_rows
from stages.shards.trajectory_schema import TRAJECTORIES, TrajectoryRow, offsets_px, starts_px, step_motion_px


class TrajectoryReader:
    """Random access to the trajectories of clips.

    Args:
        folder: Holds clips.parquet, manifest.json and shards/.
    """

    def __init__(self, folder: Path = layout.TRAJECTORIES) -> None:
        self._shards = OpenShards(folder, TRAJECTORIES)
        rows = read_rows(folder / layout.TRAJECTORY_CLIPS.name, TrajectoryRow)
        self.clips: tuple[TrajectoryRow, ...] = tuple(sorted(rows, key=lambda clip: clip.clip_id))
        self._by_id = {clip.clip_id: clip for clip in self.clips}

    def offsets(self, clip_id: str) -> NDArray[np.int16]:
        """Where points are after each step, (S, 2, P, Q), from their starts in 1/64 px of the frame; read-only."""
        clip = self.find(clip_id)
        return self._values(clip, "offsets").reshape(clip.num_steps, 2, clip.num_rows, clip.num_columns)

    def lost(self, clip_id: str) -> NDArray[np.uint8]:
        """1 from the step on that could not be made, else 0; (S, P, Q), read-only."""
        clip = self.find(clip_id)
        return self._values(clip, "lost").reshape(clip.num_steps, clip.num_rows, clip.num_columns)

    def starts_px(self, clip_id: str) -> NDArray[np.float32]:
        """Where the points start, (2, P, Q), px of the frame, x before y."""
        clip = self.find(clip_id)
        return starts_px(clip.height, clip.width, int(self.about(clip_id)["grid_step_px"]))

    def positions_px(self, clip_id: str) -> NDArray[np.float32]:
        """Where points are after each step, (S, 2, P, Q), px of the frame; a copy."""
        return self.starts_px(clip_id) + offsets_px(self.offsets(clip_id))

    def motion_px(self, clip_id: str) -> NDArray[np.float32]:
        """How far points move in each step, (S, 2, P, Q), px of the frame, 0 for the lost; a copy."""
        return step_motion_px(self.offsets(clip_id), int(self.about(clip_id)["length_steps"]))

    def find(self, clip_id: str) -> TrajectoryRow:
        """The row of a clip; ValueError where it has no trajectories."""
        if clip_id not in self._by_id:
            raise ValueError(
                f"clip {clip_id}: not among the {len(self.clips)} clips with trajectories; run `dvc repro trajectories`"
            )
        return self._by_id[clip_id]

    def about(self, clip_id: str) -> dict[str, str]:
        """Metadata of the shard that holds a clip: units, grid, length, and what the flow was estimated with."""
        return self._shards.about(self.find(clip_id).shard)

    def _values(self, clip: TrajectoryRow, column: str) -> NDArray[Any]:
        found = self._shards.value(clip.shard, clip.row, clip_id=clip.clip_id, column=column)
        return found.values.to_numpy()
