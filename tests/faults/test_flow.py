"""Workers that die while they estimate flow cost time, never a clip or a byte; a clip that kills them is left out."""

import os
import random
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import yaml

from stages.shards.flow_reader import FlowReader
from stages.shards.schema import Reject
from stages.shards.store import PARTIAL
from stages.shards.tables import read_rows
from tests.faults.harness import descendants, digests, finish, partials, start, tail, until
from tests.synth.moving import FLOW, Shift, moving_folder
from tests.synth.world import ROOT, tiny_params

COMMAND = f"{sys.executable} -m stages flow"
SHARDS, CLIPS = 6, 4
VICTIM = "v1-00006"  # in one batch with the clip before it

# Estimates slowly, and dies at a black picture; a line for each time that it was tried.
HARM = """

import os
import signal
import time
from pathlib import Path


class HarmfulEstimator(DisEstimator):
    def __call__(self, first: Tensor, second: Tensor) -> Tensor:
        time.sleep(PAUSE)
        if min(frame.mean() for frame in first) < 0.01:
            with Path("TALLY").open("a") as tally:
                tally.write(f"{len(first)}\\n")
            os.kill(os.getpid(), signal.SIGKILL)
        return super().__call__(first, second)


DisEstimator = HarmfulEstimator
"""


def make(folder: Path, *, pause_s: float = 0.0) -> Path:
    """A workspace of decoded clips with code of its own."""
    shutil.copytree(ROOT / "stages", folder / "stages", ignore=shutil.ignore_patterns("__pycache__"))
    (folder / "weights").mkdir()
    params = tiny_params() | {"flow": FLOW.model_dump() | {"num_cpus": 0.5}}
    (folder / "params.yaml").write_text(yaml.safe_dump(params), encoding="utf-8")
    with (folder / "stages/motion/opencv_flow.py").open("a", encoding="utf-8") as code:
        code.write(HARM.replace("PAUSE", str(pause_s)).replace("TALLY", str(folder / "tally")))
    write_clips(folder)
    return folder


def write_clips(folder: Path, *, victim: str = "") -> None:
    numbers = [[CLIPS * shard + k for k in range(CLIPS)] for shard in range(SHARDS)]
    names = {number: f"v{shard}-{number:05d}" for shard, of_shard in enumerate(numbers) for number in of_shard}
    clips = [[Shift(n, 1, n % 3, 3, dark=names[n] == victim) for n in of_shard] for of_shard in numbers]
    moving_folder(folder / "data/decode", clips)


def flows(folder: Path) -> dict[str, bytes]:
    reader = FlowReader(folder / "data/flow")
    return {c.clip_id: reader.vectors(c.clip_id).tobytes() + reader.valid(c.clip_id).tobytes() for c in reader.clips}


def finished(workspace: Path) -> list[Path]:
    """Shards under their own names."""
    return [path for path in workspace.glob(".store/flow/*/flow.arrow") if not path.parent.name.endswith(PARTIAL)]


def start_anew(workspace: Path) -> None:
    shutil.rmtree(workspace / ".store")
    shutil.rmtree(workspace / "data/flow")


def workers(driver: int) -> list[int]:
    """Ray's processes that hold an estimator."""
    return [pid for pid, line in descendants(driver).items() if line.startswith("ray::Worker")]


def kill_some(process: subprocess.Popen[bytes], workspace: Path, seed: int, times: int) -> int:
    """Kill a random worker now and then, each time after some shard was finished; how many died."""
    draw = random.Random(seed)
    for number in range(times):
        until(process, lambda least=number: len(finished(workspace)) > least)
        until(process, lambda: bool(workers(process.pid)))
        os.kill(draw.choice(workers(process.pid)), signal.SIGKILL)
    return times


@pytest.mark.parametrize(("seed", "times"), [(1, 2), pytest.param(2, 4, marks=pytest.mark.nightly)])
def test_workers_that_are_killed_cost_no_clip_and_no_byte(tmp_path: Path, seed: int, times: int) -> None:
    workspace = make(tmp_path, pause_s=0.3)
    finish(COMMAND, workspace, PIXELS_SERIAL="1")
    before = digests(workspace, ["data/flow/**/*"])
    start_anew(workspace)
    process = start(COMMAND, workspace, PIXELS_WORKERS="1")  # two workers share it
    assert kill_some(process, workspace, seed, times) == times
    assert process.wait(timeout=300) == 0, tail(workspace)
    assert digests(workspace, ["data/flow/**/*"]) == before
    clips = FlowReader(workspace / "data/flow").clips
    assert len({clip.clip_id for clip in clips}) == len({(clip.shard, clip.row) for clip in clips}) == SHARDS * CLIPS
    assert partials(workspace) == []


def test_a_clip_that_kills_workers_is_one_reject_and_its_neighbours_stay(tmp_path: Path) -> None:
    workspace = make(tmp_path)
    finish(COMMAND, workspace, PIXELS_SERIAL="1")
    before = flows(workspace)
    start_anew(workspace)
    write_clips(workspace, victim=VICTIM)
    said = finish(COMMAND, workspace, PIXELS_WORKERS="1")
    assert "rejected: crash 1" in said
    (reject,) = read_rows(workspace / "data/flow/rejects.parquet", Reject)
    assert (reject.path, reject.stage, reject.reason) == ("first/v1.mp4", "flow", "crash")
    assert reject.detail == f"clip {VICTIM}: 2 workers died while they looked at it"
    assert flows(workspace) == {clip_id: flow for clip_id, flow in before.items() if clip_id != VICTIM}
    sizes = [int(size) for size in (workspace / "tally").read_text().split()]
    assert len(sizes) == 3 and sizes[0] == 6 and max(sizes[1:]) == 4  # with another clip, then twice alone


def test_a_driver_that_is_killed_leaves_nobody_and_its_shards_are_taken_up(tmp_path: Path) -> None:
    workspace = make(tmp_path, pause_s=0.3)
    process = start(COMMAND, workspace, PIXELS_WORKERS="1")
    until(process, lambda: len(finished(workspace)) >= 2)
    process.kill()
    process.wait(20)  # that nobody survives is asked after each test here
    done = {path: path.stat().st_mtime_ns for path in finished(workspace)}
    finish(COMMAND, workspace, PIXELS_SERIAL="1")
    assert all(path.stat().st_mtime_ns == made_ns for path, made_ns in done.items())
    assert np.unique([clip.clip_id for clip in FlowReader(workspace / "data/flow").clips]).size == SHARDS * CLIPS
