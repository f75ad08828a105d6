"""Writes clips into one Arrow IPC file: uncompressed, one record batch a clip, units and shapes in the metadata."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa

from stages.shards.check import DECODED, ShardKind, ShardSum
from stages.shards.files import replacing, sha256, write_json
from stages.shards.schema import SCHEMA_VERSION, ClipMedia


@dataclass(frozen=True, slots=True)
class ShardFormat:
    """Rates and sizes that all clips of a shard share."""

    frame_rate_hz: int
    sample_rate_hz: int
    motion_rate_hz: int
    motion_side_cells: int
    motion_gain: int


class ShardWriter:
    """An open shard; clips get the rows 0, 1, ... in the order of writing."""

    def __init__(self, sink: pa.RecordBatchFileWriter, schema: pa.Schema, cells: int) -> None:
        self._sink, self._schema, self._cells, self.num_rows = sink, schema, cells, 0

    def write(self, media: ClipMedia) -> int:
        """Append a clip and return its row."""
        if media.motion.shape[1] != self._cells:
            raise ValueError(
                f"clip {media.clip_id}: motion is {media.motion.shape}, expected {self._cells} cells a side"
            )
        values = {
            "clip_id": [media.clip_id],
            "video_id": [media.video_id],
            "height": [media.height],
            "width": [media.width],
            "frames": [list(media.frames)],
            "audio": [media.audio],
            "motion": [np.ascontiguousarray(media.motion).reshape(-1)],
        }
        self._sink.write_batch(pa.RecordBatch.from_pydict(values, schema=self._schema))
        self.num_rows += 1
        return self.num_rows - 1


@contextmanager
def open_shard(path: Path, layout: ShardFormat) -> Iterator[ShardWriter]:
    """A writer for `path`, which appears whole when the block ends, or not at all."""
    schema = shard_schema(layout)
    with replacing(path) as temporary, pa.OSFile(str(temporary), "wb") as file, pa.ipc.new_file(file, schema) as sink:
        yield ShardWriter(sink, schema, layout.motion_side_cells)


def shard_schema(layout: ShardFormat) -> pa.Schema:
    """Columns, and as metadata all that is needed to read them without this project."""
    cells = layout.motion_side_cells
    columns = {
        "clip_id": (pa.string(), "name of the clip"),
        "video_id": (pa.string(), "first 16 hex digits of the sha256 of the video file"),
        "height": (pa.int32(), "of each frame, px"),
        "width": (pa.int32(), "of each frame, px"),
        "frames": (pa.list_(pa.binary()), f"JPEG, frame k shown k/{layout.frame_rate_hz} s after the clip's start"),
        "audio": (pa.list_(pa.int16()), f"mono at {layout.sample_rate_hz} Hz, full scale 32768"),
        "motion": (
            pa.list_(pa.uint8()),
            f"shape (T, {cells}, {cells}) in C order at {layout.motion_rate_hz} Hz: {layout.motion_gain} * mean "
            "absolute difference of luma (0..255) to the frame before, in each cell of the frame, clipped at 255",
        ),
    }
    fields = [pa.field(name, kind, nullable=False, metadata={"about": text}) for name, (kind, text) in columns.items()]
    return pa.schema(
        fields,
        metadata={
            "schema_version": str(SCHEMA_VERSION),
            "frame_rate_hz": str(layout.frame_rate_hz),
            "sample_rate_hz": str(layout.sample_rate_hz),
            "motion_rate_hz": str(layout.motion_rate_hz),
            "motion_side_cells": str(cells),
            "motion_gain": str(layout.motion_gain),
        },
    )


def write_manifest(path: Path, shards: dict[Path, int], kind: ShardKind = DECODED) -> None:
    """List shards (path -> number of rows) with their sizes and sha256."""
    sums = {shard: ShardSum(sha256(shard), rows, shard.stat().st_size) for shard, rows in shards.items()}
    write_sums(path, {shard.name: entry for shard, entry in sums.items()}, kind)


def write_sums(path: Path, sums: dict[str, ShardSum], kind: ShardKind) -> None:
    """Write a manifest of shards by file name."""
    shards = {name: asdict(sums[name]) for name in sorted(sums)}
    write_json(path, {"schema_version": kind.schema_version, "shards": shards})
