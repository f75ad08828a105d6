"""A stage that is killed at any moment leaves no process and no half file, and a rerun gives the same bytes."""

import random
import shutil
import signal
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from mlflow import MlflowClient

from tests.faults.harness import (
    GONE_S,
    damage,
    descendants,
    end,
    finish,
    partials,
    results,
    start,
    tail,
    until,
    wait_for_no_survivor,
)
from tests.synth.world import commands, surroundings

KILL, TERM = signal.SIGKILL, signal.SIGTERM
SPOOLED_S = 60  # the shipper of a killed training sends what it has before it ends
OUTS = {
    "perform@first": ["data/videos/first", "data/truth/first"],
    "decode": ["data/decode"],
    "flow": ["data/flow"],
    "trajectories": ["data/trajectories"],
    "train@pixels": ["models"],
    "evaluate@pixels": ["data/evaluate/pixels"],
    "register@pixels": ["reports/register"],
}


def forget(workspace: Path, stage: str) -> None:
    """Make a stage start from nothing."""
    for place in (*OUTS[stage], f".store/{stage.partition('@')[0]}"):
        shutil.rmtree(workspace / place, ignore_errors=True)
    if stage.startswith("train"):  # the same training once finished stays FINISHED
        (workspace / "mlflow.db").unlink()


def being_written(workspace: Path) -> list[Path]:
    """Files that a stage is writing under a temporary name."""
    rooms = (workspace / ".store").glob("*/*.partial/*"), (workspace / ".store").glob("*/*/.partial-*/*")
    return [path for room in rooms for path in room if path.parent.name[:5] != "tries"]


def survives_nothing(workspace: Path, stage: str, number: signal.Signals, moment: Callable[[], bool]) -> None:
    """Start a stage anew, end it at a moment, and hold what follows to the promises."""
    before = results(workspace)
    forget(workspace, stage)
    known = set(descendants())
    process = start(commands(workspace)[stage], workspace)
    until(process, moment)
    assert end(process, number) != 0, tail(workspace)
    wait_for_no_survivor(known, SPOOLED_S if stage.startswith("train") else GONE_S)
    if stage.startswith("train"):  # `register` marks what it left when it runs again
        assert "KILLED" in statuses(workspace)
    finish(commands(workspace)[stage], workspace, PIXELS_SERIAL="1")
    assert "RUNNING" not in statuses(workspace)
    assert results(workspace) == before
    assert partials(workspace) == []


@pytest.mark.parametrize(
    ("stage", "number"),
    [("perform@first", KILL), ("decode", KILL), ("decode", TERM), ("train@pixels", KILL)],
)
def test_killed_while_it_writes(world: Path, stage: str, number: signal.Signals) -> None:
    survives_nothing(world, stage, number, lambda: bool(being_written(world)))


@pytest.mark.parametrize("seed", [1])
@pytest.mark.parametrize("stage", ["trajectories", "evaluate@pixels", "register@pixels"])
def test_killed_at_a_random_moment(world: Path, stage: str, seed: int) -> None:
    moment_s = time.monotonic() + random.Random(seed).uniform(0.2, 2)
    survives_nothing(world, stage, KILL, lambda: time.monotonic() > moment_s)


@pytest.mark.nightly
@pytest.mark.parametrize("seed", range(20))
@pytest.mark.parametrize("number", [KILL, TERM])
@pytest.mark.parametrize("stage", sorted(OUTS))
def test_killed_at_any_moment(world: Path, stage: str, number: signal.Signals, seed: int) -> None:
    """As above, with the length of the very run on this machine as the range of moments."""
    forget(world, stage)
    started_s = time.monotonic()
    finish(commands(world)[stage], world)
    length_s = time.monotonic() - started_s
    moment_s = time.monotonic() + random.Random(f"{stage} {number} {seed}").uniform(0, 0.9 * length_s)
    survives_nothing(world, stage, number, lambda: time.monotonic() > moment_s)


def test_training_that_is_terminated_leaves_a_checkpoint_within_ten_seconds(world: Path) -> None:
    before = results(world)
    forget(world, "train@pixels")
    process = start(commands(world)["train@pixels"], world)
    until(process, lambda: bool(checkpoints(world)))
    assert end(process, TERM, within_s=10) == 128 + TERM
    newest = max(checkpoints(world), key=step_of)
    assert 4 <= step_of(newest) < 28
    damage(newest / "weights.safetensors", "zero")
    finish(commands(world)["train@pixels"], world)
    assert results(world) == before


def checkpoints(workspace: Path) -> list[Path]:
    return sorted(workspace.glob(".store/train/*/step-*"))


def step_of(checkpoint: Path) -> int:
    return int(checkpoint.name.removeprefix("step-"))


@pytest.mark.parametrize("shell", ["/bin/bash", "/bin/sh"])
def test_a_stage_dies_with_its_dvc_and_the_rerun_gives_the_same_bytes(world: Path, shell: str) -> None:
    if not Path(shell).exists():
        pytest.skip(f"no {shell}")
    before = results(world)
    forget(world, "decode")
    known = set(descendants())
    process = start("dvc repro --single-item decode", world, SHELL=shell)
    until(process, lambda: bool(being_written(world)))
    end(process, KILL)
    wait_for_no_survivor(known, GONE_S)
    finish("dvc repro --single-item decode", world, SHELL=shell, PIXELS_SERIAL="1")
    assert results(world) == before
    assert partials(world) == []


def statuses(workspace: Path) -> list[str]:
    """Status of each run."""
    client = MlflowClient(surroundings(workspace)["MLFLOW_TRACKING_URI"])
    experiment = client.get_experiment_by_name("pixels")
    assert experiment is not None
    return [run.info.status for run in client.search_runs([experiment.experiment_id])]
