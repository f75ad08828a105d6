"""Flows and folders of flow shards of known content."""

from pathlib import Path

import numpy as np

from stages.shards.flow_schema import FLOW, ClipFlow, FlowFormat, FlowRow
from stages.shards.flow_writer import open_flow_shard
from stages.shards.tables import write_rows
from stages.shards.writer import write_manifest

ABOUT = FlowFormat(frame_rate_hz=8, backend="dis", weights_sha256=None, weights_licence=None)
HEIGHT, WIDTH, NUM_PAIRS = 18, 24, 3  # 5 x 6 cells: the lowest row of cells covers 2 px


def clip_flow(number: int, num_pairs: int = NUM_PAIRS) -> ClipFlow:
    """Flow of a clip without meaning, the same for the same number."""
    draw = np.random.default_rng(number)
    return ClipFlow(
        clip_id=f"v0-{number:05d}",
        video_id="v0",
        height=HEIGHT,
        width=WIDTH,
        vectors=draw.integers(-32767, 32768, (num_pairs, 2, 5, 6)).astype(np.int16),
        valid=draw.integers(0, 2, (num_pairs, 5, 6)).astype(np.uint8),
    )


def flow_folder(folder: Path, flows_per_shard: tuple[tuple[ClipFlow, ...], ...]) -> None:
    """Write shards s0.arrow, s1.arrow, ... with manifest and clips.parquet."""
    rows: list[FlowRow] = []
    shards: dict[Path, int] = {}
    for number, flows in enumerate(flows_per_shard):
        path = folder / "shards" / f"s{number}.arrow"
        with open_flow_shard(path, ABOUT) as shard:
            for flow in flows:
                where = {"shard": path.name, "row": shard.write(flow), "height": flow.height, "width": flow.width}
                share = float(flow.valid.mean()) if len(flow.valid) else 1.0
                rows.append(FlowRow(flow.clip_id, flow.video_id, len(flow.vectors), valid_share=share, **where))
        shards[path] = len(flows)
    write_rows(folder / "clips.parquet", rows, FlowRow)
    write_manifest(folder / "manifest.json", shards, FLOW)
