"""Writes trajectories into one Arrow IPC file: uncompressed, one record batch a clip, grid and units in metadata."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pyarrow as pa

from stages.shards.files import replacing
from stages.shards.flow_schema import UNITS_PER_PX
from stages.shards.trajectory_schema import TRAJECTORIES, ClipTrajectories, TrajectoryFormat

_OF_FLOW = ("frame_rate_hz", "backend", "weights_sha256", "weights_licence")  # stays true of what flow carried
_COLUMNS = {
    "clip_id": (pa.string(), "name of the clip"),
    "video_id": (pa.string(), "first 16 hex digits of the sha256 of the video file"),
    "height": (pa.int32(), "of the stored frame, px"),
    "width": (pa.int32(), "of the stored frame, px"),
    "rows": (pa.int32(), "P, of the grid of points"),
    "columns": (pa.int32(), "Q, of the grid of points"),
    "offsets": (
        pa.list_(pa.int16()),
        "shape (T - 1, 2, P, Q) in C order: where a point is after step t, as seen from where it started, first to the "
        f"right, then down, in 1/{UNITS_PER_PX} px of the stored frame",
    ),
    "lost": (
        pa.list_(pa.uint8()),
        "shape (T - 1, P, Q): 1 from the step on that would have led out of the frame or could not be believed; the "
        "point stays where it was",
    ),
}


class TrajectoryWriter:
    """An open shard; clips get the rows 0, 1, ... in the order of writing."""

    def __init__(self, sink: pa.RecordBatchFileWriter, schema: pa.Schema) -> None:
        self._sink, self._schema, self.num_rows = sink, schema, 0

    def write(self, tracks: ClipTrajectories) -> int:
        """Append a clip's trajectories and return its row."""
        values = {
            "clip_id": [tracks.clip_id],
            "video_id": [tracks.video_id],
            "height": [tracks.height],
            "width": [tracks.width],
            "rows": [tracks.lost.shape[1]],
            "columns": [tracks.lost.shape[2]],
            "offsets": [np.ascontiguousarray(tracks.offsets).reshape(-1)],
            "lost": [np.ascontiguousarray(tracks.lost).reshape(-1)],
        }
        self._sink.write_batch(pa.RecordBatch.from_pydict(values, schema=self._schema))
        self.num_rows += 1
        return self.num_rows - 1


@contextmanager
def open_trajectory_shard(path: Path, about: TrajectoryFormat) -> Iterator[TrajectoryWriter]:
    """A writer for `path`, which appears whole when the block ends, or not at all."""
    schema = trajectory_schema(about)
    with replacing(path) as temporary, pa.OSFile(str(temporary), "wb") as file, pa.ipc.new_file(file, schema) as sink:
        yield TrajectoryWriter(sink, schema)


def trajectory_schema(about: TrajectoryFormat) -> pa.Schema:
    """Columns, and as metadata all that is needed to read and judge them without this project."""
    fields = [pa.field(name, kind, nullable=False, metadata={"about": text}) for name, (kind, text) in _COLUMNS.items()]
    return pa.schema(
        fields,
        metadata={
            "schema_version": str(TRAJECTORIES.schema_version),
            "units": f"1/{UNITS_PER_PX} px of the stored frame",
            "units_per_px": str(UNITS_PER_PX),
            "grid_step_px": str(about.grid_step_px),
            "length_steps": str(about.length_steps),
            "min_valid": "none" if about.min_valid is None else f"{about.min_valid:g}",
            **{name: about.flow[name] for name in _OF_FLOW},
        },
    )
