"""Writes flows into one Arrow IPC file: uncompressed, one record batch a clip, units and shapes in the metadata."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pyarrow as pa

from stages.shards.files import replacing
from stages.shards.flow_schema import FLOW, GRID_PX, UNITS_PER_PX, ClipFlow, FlowFormat

_COLUMNS = {
    "clip_id": (pa.string(), "name of the clip"),
    "video_id": (pa.string(), "first 16 hex digits of the sha256 of the video file"),
    "height": (pa.int32(), "of the stored frame, px"),
    "width": (pa.int32(), "of the stored frame, px"),
    "vectors": (
        pa.list_(pa.int16()),
        f"shape (T - 1, 2, ceil(height / {GRID_PX}), ceil(width / {GRID_PX})) in C order: displacement from frame t to "
        f"t + 1, first to the right, then down, in 1/{UNITS_PER_PX} px of the stored frame; a cell covers {GRID_PX} x "
        f"{GRID_PX} px",
    ),
    "valid": (
        pa.list_(pa.uint8()),
        "shape of vectors without the direction: 1 where the flow back leads home and the point stays in the frame",
    ),
}


class FlowWriter:
    """An open shard; clips get the rows 0, 1, ... in the order of writing."""

    def __init__(self, sink: pa.RecordBatchFileWriter, schema: pa.Schema) -> None:
        self._sink, self._schema, self.num_rows = sink, schema, 0

    def write(self, flow: ClipFlow) -> int:
        """Append a clip's flow and return its row."""
        values = {
            "clip_id": [flow.clip_id],
            "video_id": [flow.video_id],
            "height": [flow.height],
            "width": [flow.width],
            "vectors": [np.ascontiguousarray(flow.vectors).reshape(-1)],
            "valid": [np.ascontiguousarray(flow.valid).reshape(-1)],
        }
        self._sink.write_batch(pa.RecordBatch.from_pydict(values, schema=self._schema))
        self.num_rows += 1
        return self.num_rows - 1


@contextmanager
def open_flow_shard(path: Path, about: FlowFormat) -> Iterator[FlowWriter]:
    """A writer for `path`, which appears whole when the block ends, or not at all."""
    schema = flow_schema(about)
    with replacing(path) as temporary, pa.OSFile(str(temporary), "wb") as file, pa.ipc.new_file(file, schema) as sink:
        yield FlowWriter(sink, schema)


def flow_schema(about: FlowFormat) -> pa.Schema:
    """Columns, and as metadata all that is needed to read and judge them without this project."""
    fields = [pa.field(name, kind, nullable=False, metadata={"about": text}) for name, (kind, text) in _COLUMNS.items()]
    return pa.schema(
        fields,
        metadata={
            "schema_version": str(FLOW.schema_version),
            "units": f"1/{UNITS_PER_PX} px of the stored frame",
            "units_per_px": str(UNITS_PER_PX),
            "grid_px": str(GRID_PX),
            "frame_rate_hz": str(about.frame_rate_hz),
            "backend": about.backend,
            "weights_sha256": about.weights_sha256 or "none",
            "weights_licence": about.weights_licence or "none",
        },
    )
