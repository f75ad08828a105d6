"""From shards of flow to shards of trajectories: one for each, made once in the store and named by its input alone."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Any

import numpy as np
import torch

from stages import layout
from stages.motion.trajectories import Size, trace
from stages.params import Trajectories
from stages.shards.check import ShardSum, read_manifest
from stages.shards.files import read_json, sha256_json, write_json
from stages.shards.flow_reader import FlowReader
from stages.shards.flow_schema import FLOW, FlowRow, to_units
from stages.shards.laying import by_shard, lay_out, stored_sum
from stages.shards.store import Store, source_digest
from stages.shards.tables import write_rows
from stages.shards.trajectory_schema import TRAJECTORIES, ClipTrajectories, TrajectoryFormat, TrajectoryRow
from stages.shards.trajectory_writer import TrajectoryWriter, open_trajectory_shard

_ROOM = "trajectories"
_RESULT, _SHARD = "result.json", "trajectories.arrow"
_KEY_DIGITS = 12
_CODE = (
    "motion/tracing.py",
    "motion/trajectories.py",
    "motion/grid.py",
    "shards/flow_reader.py",
    "shards/flow_schema.py",
    "shards/trajectory_schema.py",
    "shards/trajectory_writer.py",
)
_MOST_CLIPS = 16  # of a batch: more is no faster, and an hour of video would need gigabytes


@dataclass(frozen=True, slots=True)
class TraceJob:
    """A shard of flow: its clips in the order of its rows."""

    name: str
    sha256: str
    clips: tuple[FlowRow, ...]


@dataclass(frozen=True, slots=True)
class TraceResult:
    """A finished shard in the store."""

    name: str
    folder: Path
    clips: tuple[TrajectoryRow, ...]
    sum: ShardSum


class TraceMaker:
    """Makes shards of trajectories in the store, or finds those that were made before.

    Args:
        store: The store's root.
        trajectories: What decides about content.
        recipe: Further things that a stored result must not outlive, as `recipe` gives them.
        flow: Folder of the flow.
    """

    def __init__(self, store: Path, trajectories: Trajectories, recipe: dict[str, Any], flow: Path) -> None:
        self._store, self._trajectories, self._recipe = Store(store), trajectories, recipe
        self._reader, self._flow = FlowReader(flow), flow
        # on two busy cores, two threads took 17 times the CPU of one: each step is a hundredth of a millisecond
        torch.set_num_threads(1)

    def jobs(self) -> list[TraceJob]:
        """All shards of flow, by name."""
        manifest = read_manifest(self._flow / layout.MANIFEST.name, FLOW)
        return [TraceJob(name, manifest[name].sha256, clips) for name, clips in by_shard(self._reader.clips).items()]

    def __call__(self, job: TraceJob) -> TraceResult:
        """The shard of a job, made or found; the same bytes whoever makes it."""
        named = {"schema_version": TRAJECTORIES.schema_version, "flow": job.sha256} | self._trajectories.model_dump()
        key = {**named, "recipe": self._recipe}
        folder = self._store.fetch_or_make(_ROOM, key, lambda target: self._make(target, job))
        arrival = job.name.removesuffix(".arrow").rpartition("-")[0]
        return _result(folder, f"{arrival}-{sha256_json(named)[:_KEY_DIGITS]}.arrow")

    def _make(self, folder: Path, job: TraceJob) -> None:
        params = self._trajectories
        about = TrajectoryFormat(**params.model_dump(), flow=self._reader.about(job.clips[0].clip_id))
        with open_trajectory_shard(folder / _SHARD, about) as shard:
            rows = [row for clips in _batches(job.clips) for row in self._write(clips, shard)]
        write_json(folder / _RESULT, rows)

    def _write(self, clips: Sequence[FlowRow], shard: TrajectoryWriter) -> Iterator[dict[str, Any]]:
        """Follow clips of equal shape together; a row of clips.parquet for each, less the shard's name."""
        flow = torch.from_numpy(np.stack([self._reader.flow_px(clip.clip_id) for clip in clips]))
        valid = torch.from_numpy(np.stack([self._reader.valid(clip.clip_id) for clip in clips])).to(flow)
        size = Size(clips[0].height, clips[0].width)
        tracks = trace(flow, valid, size, self._trajectories)
        for clip, offsets, lost in zip(clips, tracks.offsets.numpy(), tracks.lost.numpy(), strict=True):
            units, fits = to_units(offsets)
            # a point that is carried farther than can be written down is lost as well
            gone = np.logical_or(lost, ~fits).astype(np.uint8)
            found = ClipTrajectories(clip.clip_id, clip.video_id, clip.height, clip.width, units, gone)
            share = round(float(gone.mean()), 6) if gone.size else 0.0
            yield _facts(found) | {"lost_share": share, "row": shard.write(found)}


def recipe() -> dict[str, str]:
    """All that trajectories depend on besides flow and params: code, and torch, whose kernels round."""
    code = source_digest(*(Path(__file__).parents[1] / name for name in _CODE))
    return {"code": code, "torch": torch.__version__}


def assemble(folder: Path, results: Sequence[TraceResult]) -> None:
    """Lay out a folder of trajectories: shards (links into the store), manifest.json, clips.parquet."""
    clips = sorted((clip for result in results for clip in result.clips), key=lambda clip: clip.clip_id)
    write_rows(folder / layout.TRAJECTORY_CLIPS.name, clips, TrajectoryRow)
    lay_out(folder, {result.name: (result.folder / _SHARD, result.sum) for result in results}, TRAJECTORIES)


def _batches(clips: Sequence[FlowRow]) -> Iterator[tuple[FlowRow, ...]]:
    """Clips that follow each other and have equal shapes, at most so many at once."""
    for _, equal in groupby(clips, key=lambda clip: (clip.num_pairs, clip.height, clip.width)):
        alike = tuple(equal)
        yield from (alike[start : start + _MOST_CLIPS] for start in range(0, len(alike), _MOST_CLIPS))


def _facts(found: ClipTrajectories) -> dict[str, Any]:
    steps, rows, columns = found.lost.shape
    where = {"clip_id": found.clip_id, "video_id": found.video_id, "height": found.height, "width": found.width}
    return where | {"num_steps": steps, "num_rows": rows, "num_columns": columns}


def _result(folder: Path, name: str) -> TraceResult:
    clips = tuple(TrajectoryRow(**facts, shard=name) for facts in read_json(folder / _RESULT))
    return TraceResult(name, folder, clips, stored_sum(folder / _SHARD, len(clips)))
