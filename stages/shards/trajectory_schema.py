"""What a clip's trajectories and the rows of data/trajectories/clips.parquet hold; each is checked when it is made.

Axes: S = T - 1 steps from a frame to the next, P x Q points that start on a grid, 2 directions (x right, y down).
Point (i, j) starts in the middle of the square (i, j) of the frame; after `length_steps` all points start anew.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from stages.shards.check import ShardKind
from stages.shards.flow_schema import UNITS_PER_PX

TRAJECTORIES = ShardKind("trajectories", 1, "trajectories")


@dataclass(frozen=True, slots=True)
class TrajectoryFormat:
    """What all trajectories of a shard share."""

    grid_step_px: int  # side of the squares
    length_steps: int
    min_valid: float | None  # None where no flow was doubted
    flow: dict[str, str]  # metadata of the flow shard: rate, backend, weights and their licence


@dataclass(frozen=True, slots=True)
class ClipTrajectories:
    """Where the points of a clip are after each step, as stored in a shard."""

    clip_id: str
    video_id: str
    height: int  # of the stored frame, px
    width: int
    offsets: NDArray[np.int16]  # (S, 2, P, Q), from where the point started, 1 / UNITS_PER_PX px of the stored frame
    lost: NDArray[np.uint8]  # (S, P, Q), 1 from the step on that could not be made

    def __post_init__(self) -> None:
        steps, points = len(self.offsets), self.lost.shape[1:]
        for name, array, shape, kind in (
            ("offsets", self.offsets, (steps, 2, *points), np.int16),
            ("lost", self.lost, (steps, *points), np.uint8),
        ):
            if array.shape != shape or array.dtype != kind:
                raise ValueError(
                    f"clip {self.clip_id}: {name} must be {np.dtype(kind)} {shape}, got {array.dtype} {array.shape}"
                )
        if self.lost.size and self.lost.max() > 1:
            raise ValueError(f"clip {self.clip_id}: lost must be 0 or 1, got {self.lost.max()}")


@dataclass(frozen=True, slots=True)
class TrajectoryRow:
    """One clip of data/trajectories/clips.parquet: where its trajectories lie and how many points were lost."""

    clip_id: str
    video_id: str
    num_steps: int  # S
    num_rows: int  # P
    num_columns: int  # Q
    height: int  # of the stored frames, px
    width: int
    lost_share: float  # of all points in all steps; 0 where there is no step
    shard: str  # file name under data/trajectories/shards
    row: int  # record batch in that shard


def starts_px(height: int, width: int, grid_step_px: int) -> NDArray[np.float32]:
    """Where points start: middles of squares, from the upper left corner on, as many as lie in the frame.

    Returns:
        (2, P, Q), px, x before y; the centre of the upper left pixel is (0, 0).
    """
    x, y = (np.arange((grid_step_px - 1) / 2, side - 0.5, grid_step_px) for side in (width, height))
    return np.stack(np.meshgrid(x, y)).astype(np.float32)


def offsets_px(offsets: NDArray[np.int16]) -> NDArray[np.float32]:
    """Offsets in px of the stored frame, same shape."""
    return offsets.astype(np.float32) / np.float32(UNITS_PER_PX)


def step_motion_px(offsets: NDArray[np.int16], length_steps: int) -> NDArray[np.float32]:
    """What each step adds to the offsets, px of the stored frame, same shape: 0 for the lost."""
    after = offsets_px(offsets)
    before = np.zeros_like(after)
    before[1:] = after[:-1]
    before[::length_steps] = 0
    return after - before
