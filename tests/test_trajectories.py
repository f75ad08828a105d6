"""The stage: from data/flow alone to data/trajectories; reruns, damage, pruning, forgetting."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from stages import layout, trajectories
from stages.keeping.traces import entries_about
from stages.keeping.uses import names_in_use, uses
from stages.params import Trajectories, read
from stages.shards.check import ShardError
from stages.shards.files import sha256
from stages.shards.flow_origin import FlowOrigin, write_origin
from stages.shards.flow_schema import ClipFlow
from stages.shards.trajectory_reader import TrajectoryReader
from tests.synth.flows import clip_flow, flow_folder

PARAMS = read(Path(__file__).resolve().parent.parent / "params.yaml").trajectories


@pytest.fixture(autouse=True)
def _workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PIXELS_STORE", str(tmp_path / "store"))


def right_by_one_px(number: int, num_pairs: int) -> ClipFlow:
    flow = clip_flow(number, num_pairs)
    vectors = np.zeros_like(flow.vectors)
    vectors[:, 0] = 64
    return replace(flow, vectors=vectors, valid=np.ones_like(flow.valid))


def hashes(folder: Path) -> dict[str, str]:
    return {path.relative_to(folder).as_posix(): sha256(path) for path in folder.rglob("*") if path.is_file()}


def test_uniform_flow_carries_points_to_the_right_until_the_grid_starts_anew(
    capsys: pytest.CaptureFixture[str],
) -> None:
    flow_folder(layout.FLOW, ((right_by_one_px(0, 5), right_by_one_px(1, 0)), (right_by_one_px(2, 3),)))
    write_origin(layout.FLOW_ORIGIN, FlowOrigin("dis", None, None, tool="opencv 5", device="cpu"))
    trajectories.run(Trajectories(grid_step_px=4, length_steps=3, min_valid=0.5))
    reader = TrajectoryReader()
    positions, lost = reader.positions_px("v0-00000"), reader.lost("v0-00000")
    assert positions[:, 0, 0, 0].tolist() == [2.5, 3.5, 4.5, 2.5, 3.5]
    # the frame ends at 23.5 px: of two steps from 21.5 px the second one is not made
    assert positions[:, 0, 0, -1].tolist() == [22.5, 22.5, 22.5, 22.5, 22.5]
    assert lost[:, 0, -1].tolist() == [0, 1, 1, 0, 1]
    assert lost[:, :, :-1].max() == 0
    said = capsys.readouterr().out
    # of 6 columns one is lost, in 3 of 5 and in 2 of 3 steps; a clip without steps loses nothing
    assert "along flow by dis (opencv 5, cpu): 3 clips in 2 shards; 7% of all steps are lost" in said


def test_a_rerun_and_another_store_give_the_same_bytes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    flow_folder(layout.FLOW, ((clip_flow(0), clip_flow(1)), (clip_flow(2),)))
    found: list[dict[str, str]] = []
    for store in ("one", "one", "other"):
        monkeypatch.setenv("PIXELS_STORE", str(tmp_path / store))
        trajectories.run(PARAMS)
        found.append(hashes(layout.TRAJECTORIES))
    assert found[0] == found[1] == found[2]
    assert len(found[0]) == 4


def test_a_damaged_shard_is_found_and_remade_alone() -> None:
    flow_folder(layout.FLOW, ((clip_flow(0),), (clip_flow(1),)))
    trajectories.run(PARAMS)
    whole = hashes(layout.TRAJECTORIES)
    damaged, other = sorted((layout.TRAJECTORIES / "shards").iterdir())
    untouched = other.stat().st_ino
    content = bytearray(damaged.read_bytes())
    content[len(content) // 2] ^= 1
    damaged.write_bytes(content)  # in place: the link in the store is damaged as well
    reader = TrajectoryReader()
    with pytest.raises(ShardError, match=damaged.name):
        [reader.lost(clip.clip_id) for clip in reader.clips]
    trajectories.run(PARAMS)
    assert hashes(layout.TRAJECTORIES) == whole
    assert other.stat().st_ino == untouched


def test_damaged_flow_is_refused_and_nothing_is_made_of_it() -> None:
    flow_folder(layout.FLOW, ((clip_flow(0),),))
    path = layout.FLOW / "shards" / "s0.arrow"
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    with pytest.raises(ShardError, match=r"s0\.arrow: sha256 is .*dvc repro --force --single-item flow"):
        trajectories.run(PARAMS)
    assert not layout.TRAJECTORY_CLIPS.exists()


def test_frames_are_not_needed() -> None:
    flow_folder(layout.FLOW, ((clip_flow(0),),))
    assert {path.name for path in Path("data").iterdir()} == {"flow"}
    trajectories.run(PARAMS)
    assert {path.name for path in Path("data").iterdir()} == {"flow", "trajectories"}


def test_pruning_knows_that_its_work_is_in_use_and_forgetting_finds_it() -> None:
    named = replace(clip_flow(0), video_id="00c0ffee00c0ffee")
    flow_folder(layout.FLOW, ((named,), (clip_flow(1),)))
    trajectories.run(PARAMS)
    store = layout.store()
    everything = {f"trajectories/{path.name}" for path in (store / "trajectories").iterdir()}
    assert len(everything) == 2
    assert names_in_use(uses(store)) == everything
    (about,) = entries_about(store, "00c0ffee00c0ffee")
    assert about.room == "trajectories"
