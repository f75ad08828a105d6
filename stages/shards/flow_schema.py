"""What a clip's flow and the rows of data/flow/clips.parquet hold; every value is checked when it is made.

Axes: T - 1 pairs of frames that follow each other, 2 directions (u to the right, v down), h x w cells of the grid.
A cell covers GRID_PX x GRID_PX pixels of the stored frame, fewer at its right and lower edge: h = ceil(H / GRID_PX).
Cell (i, j) covers rows GRID_PX * i ... GRID_PX * i + 3, so that its centre lies at row GRID_PX * i + 1.5.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from stages.shards.check import ShardKind

FLOW = ShardKind("flow", 1, "flow")
GRID_PX = 4
UNITS_PER_PX = 64  # of the stored frame: steps of 1/64 px, up to 512 px either way
_MOST_UNITS = 32767  # not -32768, so that a reversed clip can be stored as well


@dataclass(frozen=True, slots=True)
class FlowFormat:
    """What all flows of a shard share."""

    frame_rate_hz: int
    backend: str  # who estimated it: pwcnet, dis
    weights_sha256: str | None  # None where the backend has none
    weights_licence: str | None


@dataclass(frozen=True, slots=True)
class ClipFlow:
    """Displacements from each frame of a clip to the next one, as stored in a shard."""

    clip_id: str
    video_id: str
    height: int  # of the stored frame, px
    width: int
    vectors: NDArray[np.int16]  # (T - 1, 2, h, w), 1 / UNITS_PER_PX px of the stored frame
    valid: NDArray[np.uint8]  # (T - 1, h, w), 1 where the flow back leads home, 0 where it is not to be believed

    def __post_init__(self) -> None:
        if self.height < 1 or self.width < 1:
            raise ValueError(f"clip {self.clip_id}: frame size must be positive, got {self.height}x{self.width}")
        cells = (cells_of(self.height), cells_of(self.width))
        pairs = len(self.vectors)
        for name, array, shape, kind in (
            ("vectors", self.vectors, (pairs, 2, *cells), np.int16),
            ("valid", self.valid, (pairs, *cells), np.uint8),
        ):
            if array.shape != shape or array.dtype != kind:
                raise ValueError(
                    f"clip {self.clip_id}: {name} must be {np.dtype(kind)} {shape}, got {array.dtype} {array.shape}"
                )
        if pairs and self.valid.max() > 1:
            raise ValueError(f"clip {self.clip_id}: valid must be 0 or 1, got {self.valid.max()}")


@dataclass(frozen=True, slots=True)
class FlowRow:
    """One clip of data/flow/clips.parquet: where its flow lies and how far it can be believed."""

    clip_id: str
    video_id: str
    num_pairs: int  # T - 1
    height: int  # of the stored frames, px
    width: int
    valid_share: float  # of all cells of all pairs; 1 where there is no pair
    shard: str  # file name under data/flow/shards
    row: int  # record batch in that shard


def cells_of(side_px: int) -> int:
    """Cells of the grid along a side of the frame."""
    return -(-side_px // GRID_PX)


def to_units(flow_px: NDArray[np.float32]) -> tuple[NDArray[np.int16], NDArray[np.bool_]]:
    """Round displacements for storage.

    Args:
        flow_px: (..., 2, h, w), px of the stored frame.

    Returns:
        Units of 1 / UNITS_PER_PX px, same shape, clipped where they do not fit and 0 where they are no number; and,
        (..., h, w), whether both directions could be stored.
    """
    most_px = 2.0 * _MOST_UNITS / UNITS_PER_PX
    finite = np.nan_to_num(flow_px, nan=0.0, posinf=most_px, neginf=-most_px)
    scaled = np.rint(np.clip(finite, -most_px, most_px) * np.float32(UNITS_PER_PX))
    fits = np.isfinite(flow_px) & (np.abs(scaled) <= _MOST_UNITS)
    return np.clip(scaled, -_MOST_UNITS, _MOST_UNITS).astype(np.int16), np.logical_and.reduce(fits, axis=-3)


def to_pixels(vectors: NDArray[np.int16]) -> NDArray[np.float32]:
    """Displacements in px of the stored frame, same shape."""
    return vectors.astype(np.float32) / np.float32(UNITS_PER_PX)
