"""Trajectories and folders of trajectory shards of known content."""

from pathlib import Path

import numpy as np

from stages.shards.tables import write_rows
from stages.shards.trajectory_schema import TRAJECTORIES, ClipTrajectories, TrajectoryFormat, TrajectoryRow
from stages.shards.trajectory_writer import open_trajectory_shard
from stages.shards.writer import write_manifest

OF_FLOW = {"frame_rate_hz": "8", "backend": "pwcnet", "weights_sha256": "ab12", "weights_licence": "MIT"}
ABOUT = TrajectoryFormat(grid_step_px=5, length_steps=2, min_valid=0.5, flow=OF_FLOW)
HEIGHT, WIDTH, NUM_STEPS = 18, 24, 3
NUM_ROWS, NUM_COLUMNS = 4, 5  # at 2, 7, 12, 17 and 2, 7, 12, 17, 22 px


def clip_trajectories(number: int, num_steps: int = NUM_STEPS) -> ClipTrajectories:
    """Trajectories without meaning, the same for the same number."""
    draw = np.random.default_rng(number)
    return ClipTrajectories(
        clip_id=f"v0-{number:05d}",
        video_id="v0",
        height=HEIGHT,
        width=WIDTH,
        offsets=draw.integers(-32767, 32768, (num_steps, 2, NUM_ROWS, NUM_COLUMNS)).astype(np.int16),
        lost=draw.integers(0, 2, (num_steps, NUM_ROWS, NUM_COLUMNS)).astype(np.uint8),
    )


def trajectory_folder(folder: Path, tracks_per_shard: tuple[tuple[ClipTrajectories, ...], ...]) -> None:
    """Write shards s0.arrow, s1.arrow, ... with manifest and clips.parquet."""
    rows: list[TrajectoryRow] = []
    shards: dict[Path, int] = {}
    for number, several in enumerate(tracks_per_shard):
        path = folder / "shards" / f"s{number}.arrow"
        with open_trajectory_shard(path, ABOUT) as shard:
            for tracks in several:
                grid = {"num_rows": NUM_ROWS, "num_columns": NUM_COLUMNS, "height": HEIGHT, "width": WIDTH}
                where = {"shard": path.name, "row": shard.write(tracks)}
                share = float(tracks.lost.mean()) if tracks.lost.size else 0.0
                rows.append(
                    TrajectoryRow(tracks.clip_id, tracks.video_id, len(tracks.lost), **grid, lost_share=share, **where)
                )
        shards[path] = len(several)
    write_rows(folder / "clips.parquet", rows, TrajectoryRow)
    write_manifest(folder / "manifest.json", shards, TRAJECTORIES)
