"""The stage beside the bare loop, its shards beside .npy files: `python -m tests.benchmarks.flow [result.json]`."""

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ["PIXELS_WORKERS"] = "1"

import tempfile
import time
from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from statistics import median

import numpy as np

from stages import layout
from stages.compute.crew import Share
from stages.compute.pool import Pool, open_pool
from stages.motion.estimator import find_origin
from stages.motion.fields import FieldMaker
from stages.shards.flow_jobs import FlowJob, FlowMaker, assemble_flow, plan_flow
from stages.shards.flow_reader import FlowReader
from stages.shards.flow_schema import FlowFormat
from stages.shards.reader import ClipReader
from tests.benchmarks.timing import interleaved, tell
from tests.synth.moving import FLOW, Shift, moving_folder

REPEATS = 3
CLIPS, SHARDS, FRAMES, SIDE_PX = 12, 3, 24, 128  # clips a shard, as params.yaml gives them
LONG_FRAMES, LARGE_PX, READS = 48, 224, 4  # a clip of .59 MB


def main() -> None:
    with tempfile.TemporaryDirectory() as room:
        root = Path(room)
        stage = estimate(root / "estimate")
        reading = read(root / "read")
    tell({"n": REPEATS, "stage": stage, "reading": reading})


@dataclass(frozen=True)
class Timed:
    """A maker that says how many CPU seconds of its worker a shard took."""

    maker: FlowMaker

    def __call__(self, job: FlowJob) -> float:
        before_s = time.process_time()
        self.maker(job)
        return time.process_time() - before_s


def new_maker(root: Path, store: str) -> FlowMaker:
    origin, tries = find_origin(FLOW, Path()), root / store / "tries"
    tries.mkdir(parents=True)
    return FlowMaker(
        store=root / store,
        decoded=root / "decode",
        recipe={},
        about=FlowFormat(8, origin.backend, None, None),
        estimate=FieldMaker(FLOW, origin, Path()),
        tries=tries,
    )


def estimate(root: Path) -> dict[str, object]:
    """Pairs a CPU second of the stage's worker, without ray's start, and of a loop that keeps nothing."""
    clips = [[Shift(CLIPS * s + k, 2, 1, FRAMES, SIDE_PX, SIDE_PX) for k in range(CLIPS)] for s in range(SHARDS)]
    rows = moving_folder(root / "decode", clips)
    jobs, reader = plan_flow(root / "decode", rows), ClipReader(root / "decode")
    maker = FieldMaker(FLOW, find_origin(FLOW, Path()), Path())
    spent: dict[str, list[float]] = {"stage": [], "bare loop": []}
    with open_pool(2, dangerous=True, share=Share(1.0, 0.0, ())) as pool:
        for turn in range(REPEATS + 1):
            spent["stage"].append(by_stage(pool, root, jobs, turn))
            before_s = time.process_time()
            for flow in maker(reader, rows, lambda _: nullcontext()):
                flow.vectors.sum()
            spent["bare loop"].append(time.process_time() - before_s)
    pairs = sum(job.num_pairs for job in jobs)
    seconds = {name: median(values[1:]) for name, values in spent.items()}
    rates = {name: round(pairs / value, 1) for name, value in seconds.items()}
    ratio = round(seconds["bare loop"] / seconds["stage"], 3)
    return {"pairs": pairs, "frame_px": [SIDE_PX, SIDE_PX], "pairs_a_cpu_s": rates, "ratio": ratio}


def by_stage(pool: Pool, root: Path, jobs: Sequence[FlowJob], turn: int) -> float:
    maker = Timed(new_maker(root, f"store{turn}"))
    return sum(seconds for _, seconds in pool.map(maker, jobs, max_deaths=3))


def read(root: Path) -> dict[str, object]:
    """Clips a CPU second from shards and from one .npy a pair, as stored and as px."""
    clips = [Shift(k, 2, 1, LONG_FRAMES, LARGE_PX, LARGE_PX) for k in range(2)]
    jobs = plan_flow(root / "decode", moving_folder(root / "decode", [clips]))
    assemble_flow(root / layout.FLOW, [new_maker(root, "store")(job) for job in jobs], 0.0)
    reader = FlowReader(root / layout.FLOW)
    folders = {clip.clip_id: write_folder(root / "npy" / clip.clip_id, reader, clip.clip_id) for clip in reader.clips}

    def by_folder(*, px: bool) -> None:
        for _ in range(READS):
            for folder in folders.values():
                vectors = np.stack([np.load(folder / f"{k}.vectors.npy") for k in range(LONG_FRAMES - 1)])
                np.stack([np.load(folder / f"{k}.valid.npy") for k in range(LONG_FRAMES - 1)])
                if px:
                    vectors.astype(np.float32) / np.float32(64)

    def by_shard(*, px: bool) -> None:
        for _ in range(READS):
            for clip_id in folders:
                reader.valid(clip_id)
                _ = reader.flow_px(clip_id) if px else reader.vectors(clip_id)

    found: dict[str, object] = {"clip_px": [LONG_FRAMES, LARGE_PX, LARGE_PX]}
    for name, px in (("as stored", False), ("as float32 px", True)):
        methods = {"folder": lambda px=px: by_folder(px=px), "shards": lambda px=px: by_shard(px=px)}
        spent = interleaved(methods, 6 * REPEATS)
        rates = {method: round(READS * len(folders) / value, 1) for method, value in spent.items()}
        found[name] = {"clips_a_cpu_s": rates, "ratio": round(spent["folder"] / spent["shards"], 1)}
    return found


def write_folder(folder: Path, reader: FlowReader, clip_id: str) -> Path:
    """What shards hold, with a file for each pair."""
    folder.mkdir(parents=True)
    for k, (vectors, valid) in enumerate(zip(reader.vectors(clip_id), reader.valid(clip_id), strict=True)):
        np.save(folder / f"{k}.vectors.npy", vectors)
        np.save(folder / f"{k}.valid.npy", valid)
    return folder


if __name__ == "__main__":
    main()
