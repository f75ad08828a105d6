"""The whole graph on a small world: by the very commands of dvc.yaml, and again by Airflow with DVC; equal to the bit.

One world is run without ray and dvc, command after command, the other by `airflow dags test retrain`. They share
nothing, so equal hashes mean that a result depends on code, params and data alone.
"""

import json
import random
import shutil
import signal
import subprocess
import time
from pathlib import Path

import pytest

from dags.graph import read_graph
from tests.synth.airflow import dags_test, take_over
from tests.synth.world import RESULTS, call, commands, digests, make_workspace, surroundings


@pytest.fixture(scope="module")
def by_hand(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A world after every command of dvc.yaml, in this order, one process each, without ray."""
    workspace = make_workspace(tmp_path_factory.mktemp("by_hand"))
    for command in commands(workspace).values():
        call(command, workspace, PIXELS_SERIAL="1")
    return workspace


@pytest.fixture(scope="module")
def by_airflow(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A world after `airflow dags test retrain`, with ray, that took over what the run made in its own worktree."""
    workspace = make_workspace(tmp_path_factory.mktemp("by_airflow"))
    dags_test(workspace, surroundings(workspace))
    take_over(workspace)
    return workspace


def test_every_out_of_dvc_yaml_is_there(by_hand: Path) -> None:
    outs = [by_hand / out for stage in read_graph(by_hand).stages.values() for out in stage.outs]
    assert [out for out in outs if not out.exists()] == []


def test_no_half_written_file_is_left(by_hand: Path) -> None:
    assert list(by_hand.rglob("*.partial")) == []


def test_airflow_dvc_and_ray_give_the_same_bytes_as_the_plain_commands(by_hand: Path, by_airflow: Path) -> None:
    ours, theirs = digests(by_hand, RESULTS), digests(by_airflow, RESULTS)
    assert len(ours) > 20
    assert ours == theirs


def test_airflow_leaves_a_record_with_a_summary_and_no_worktree(by_airflow: Path) -> None:
    record = by_airflow / ".runs/good"
    assert "**pixels version 1**" in (record / "summary.md").read_text(encoding="utf-8")
    assert json.loads((record / "admission/admission.json").read_text(encoding="utf-8"))["admitted"] is True
    assert call("git worktree list", by_airflow).count("\n") == 1


def test_a_second_repro_has_nothing_to_do(by_airflow: Path) -> None:
    assert call("dvc status --json", by_airflow).strip() == "{}"
    assert "Data and pipelines are up to date" in call("dvc repro", by_airflow)


@pytest.mark.parametrize("seed", [1, 2])
def test_training_that_was_killed_ends_with_the_same_weights(by_hand: Path, tmp_path: Path, seed: int) -> None:
    before = digests(by_hand, ["models/**/*"])
    own = {"PIXELS_STORE": str(tmp_path / "store")}
    command = commands(by_hand)["train@pixels"]
    process = subprocess.Popen(
        command.split(),
        cwd=by_hand,
        env=surroundings(by_hand, **own),
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    wait_for_a_checkpoint(process, tmp_path / "store")
    time.sleep(random.Random(seed).uniform(0, 0.5))
    process.send_signal(signal.SIGKILL)
    assert process.wait(timeout=60) == -signal.SIGKILL
    for path in by_hand.glob("models/pixels/*"):
        path.unlink()
    call(command, by_hand, **own)
    assert digests(by_hand, ["models/**/*"]) == before


def wait_for_a_checkpoint(process: subprocess.Popen[bytes], store: Path) -> None:
    """Return once training has written something worth keeping."""
    deadline_s = time.monotonic() + 120
    while process.poll() is None and not list(store.glob("train/**/*.safetensors")):
        assert time.monotonic() < deadline_s, "no checkpoint in two minutes"
        time.sleep(0.02)


def test_training_is_the_same_without_labels_and_truth(by_hand: Path, tmp_path: Path) -> None:
    bare = make_workspace(tmp_path)
    for video in by_hand.glob("data/videos/*/*/*.mp4"):  # into the root: no label, and no arrival folder but `shifted`
        arrival = video.parent.parent.name
        folder = bare / "data/videos" / ("shifted" if arrival == "shifted" else "")
        folder.mkdir(parents=True, exist_ok=True)
        shutil.copy(video, folder / video.name)
    for stage in ("index", "decode", "coincidence", "mixes", "train@pixels"):
        call(commands(bare)[stage], bare, PIXELS_SERIAL="1")
    learnt = ["models/pixels/weights.safetensors", "models/pixels/curves.json"]
    assert not (bare / "data/truth").exists()
    assert digests(bare, learnt) == digests(by_hand, learnt)
