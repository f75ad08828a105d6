"""The stage `train` by two workers on gloo: one process's weights but for rounding, and equal ones after a kill."""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import torch

from stages import layout
from stages.networks.separation import load
from stages.shards.files import read_json, sha256
from stages.tracking.runs import LiveRun
from stages.train import run
from stages.training.checkpoint import newest_step
from tests.faults.harness import descendants
from tests.synth.learning import CLIP, MODEL, SPECTROGRAM, pretrain_section, train_section, write_world

pytestmark = pytest.mark.timeout(1800)  # starts of Ray Train on a busy machine

ROOT = Path(__file__).resolve().parent.parent
STEPS = 40
SETTINGS: dict[str, Any] = {
    "steps": STEPS,
    "rate": 0.001,
    "appearance_rate": 0.001,
    "batch_mixtures": 3,
    "pretrain": pretrain_section("correspondence", 4, batch_clips=5),
    "validate_every_steps": 20,
}


@pytest.fixture(scope="module", autouse=True)
def patch() -> Iterator[pytest.MonkeyPatch]:
    """Nobody ships what is recorded: it stays in the spool file."""
    with pytest.MonkeyPatch.context() as module:
        module.setattr(LiveRun, "ship", lambda _: None)
        module.delenv("PIXELS_SERIAL", raising=False)
        module.delenv("RAY_ADDRESS", raising=False)
        module.setenv("PIXELS_WORKERS", "2")
        yield module


def train(world: Path, patch: pytest.MonkeyPatch, workers: int) -> dict[str, str]:
    """Train in a world; sha256 of the model's files."""
    patch.chdir(world)
    patch.setenv("PIXELS_STORE", str(world / ".store"))
    patch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{world / 'mlflow.db'}")
    run("pixels", CLIP, SPECTROGRAM, MODEL, train_section(workers=workers, worker_cpus=0.5, **SETTINGS))
    return {path.name: sha256(path) for path in sorted(layout.model("pixels").iterdir())}


@pytest.fixture(scope="module")
def together(patch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A world in which two workers have trained."""
    world = tmp_path_factory.mktemp("together")
    write_world(world)
    train(world, patch, 2)
    return world


def reached(world: Path) -> int:
    return newest_step(list((world / ".store/train").glob("*")))


@contextmanager
def killing_a_worker(world: Path, at_step: int) -> Iterator[list[int]]:
    """Kills one of the learning processes once the checkpoint of a step is there; the list says which."""
    killed: list[int] = []

    def kill() -> None:
        while reached(world) < at_step:
            time.sleep(0.005)
        workers = [pid for pid, line in descendants().items() if "RayTrainWorker" in line]
        os.kill(workers[-1], signal.SIGKILL)
        killed.append(workers[-1])

    thread = threading.Thread(target=kill, daemon=True)
    thread.start()
    yield killed
    thread.join(timeout=1)


def test_two_workers_learn_what_one_process_learns(together: Path, patch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    write_world(tmp_path)
    train(tmp_path, patch, 1)
    curves = [read_json(world / "models/pixels/curves.json") for world in (tmp_path, together)]
    one, two = ([entry["loss"] for entry in curve["validation"]] for curve in curves)
    assert len(one) == STEPS // 20 and one == pytest.approx(two, rel=1e-3)
    assert one != two, "both were made by one process"
    weights = [load(world / "models/pixels").net.state_dict() for world in (tmp_path, together)]
    for name, value in weights[0].items():
        torch.testing.assert_close(weights[1][name], value, rtol=2e-2, atol=2e-3, msg=name)
    cards = [read_json(world / "models/pixels/model.json") for world in (tmp_path, together)]
    assert cards[0]["key"] == cards[1]["key"]


def test_the_first_worker_tells_the_record_and_nothing_is_left_lying(together: Path) -> None:
    (spool,) = (together / ".store/spool").glob("*/*.jsonl")
    assert spool.read_text().count("validation_si_sdr_db") == STEPS // 20
    assert '"status": "FINISHED"' in spool.read_text().splitlines()[-1]
    assert list((together / ".store").glob(".stop-*")) == []


def test_a_killed_worker_changes_no_bit(
    together: Path, patch: pytest.MonkeyPatch, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    write_world(tmp_path)
    with killing_a_worker(tmp_path, at_step=10) as killed:
        files = train(tmp_path, patch, 2)
    assert len(killed) == 1
    assert "a worker died; all 2 go on" in capfd.readouterr().err
    assert files == {path.name: sha256(path) for path in sorted((together / "models/pixels").iterdir())}


def test_sigterm_leaves_a_checkpoint_from_which_one_process_goes_on(patch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    write_world(tmp_path)
    code = (
        "from pathlib import Path\nfrom _pytest.monkeypatch import MonkeyPatch\n"
        "from stages.tracking.runs import LiveRun\nfrom tests.test_train_together import train\n"
        f"LiveRun.ship = lambda _: None\ntrain(Path({str(tmp_path)!r}), MonkeyPatch(), 2)\n"
    )
    surroundings = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    process = subprocess.Popen([sys.executable, "-c", code], env=surroundings)
    while reached(tmp_path) < 10 and process.poll() is None:
        time.sleep(0.01)
    process.terminate()
    began_s = time.monotonic()
    assert process.wait(timeout=60) == 128 + signal.SIGTERM
    print(f"ended {time.monotonic() - began_s:.1f} s after SIGTERM")
    stopped = reached(tmp_path)
    assert 10 <= stopped < STEPS
    train(tmp_path, patch, 1)
    assert read_json(layout.model("pixels") / "model.json")["steps"] == STEPS + 4
    assert len(list((tmp_path / ".store/train").iterdir())) == 2  # the legs of one and the same run
