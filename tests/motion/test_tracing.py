"""Shards of trajectories from shards of flow: content, names, and what makes them anew."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from stages.motion.tracing import TraceMaker, TraceResult, assemble, recipe
from stages.motion.trajectories import Size, trace
from stages.params import Trajectories
from stages.shards.files import sha256
from stages.shards.flow_schema import ClipFlow, to_pixels
from stages.shards.trajectory_reader import TrajectoryReader
from tests.synth.flows import clip_flow, flow_folder

PARAMS = Trajectories(grid_step_px=3, length_steps=2, min_valid=0.5)


def calm(number: int, **changes: int) -> ClipFlow:
    """Flow of at most 3 px, so that most points stay in the small frame."""
    flow = clip_flow(number, **changes)
    return replace(flow, vectors=(flow.vectors // 170).astype(np.int16))


def made(workspace: Path, params: Trajectories = PARAMS, code: str = "1") -> list[TraceResult]:
    maker = TraceMaker(workspace / "store", params, {"code": code}, workspace / "flow")
    return [maker(job) for job in maker.jobs()]


def test_every_clip_has_the_trajectories_of_its_own_flow(tmp_path: Path) -> None:
    """Clips of other lengths and sizes in between do not disturb the batches."""
    flows = [calm(0), calm(1), calm(2, num_pairs=0), calm(3), calm(4, num_pairs=5)]
    flow_folder(tmp_path / "flow", ((*flows[:4],), (flows[4],)))
    assemble(tmp_path / "out", made(tmp_path))
    reader = TrajectoryReader(tmp_path / "out")
    assert [clip.clip_id for clip in reader.clips] == [flow.clip_id for flow in flows]
    for flow, row in zip(flows, reader.clips, strict=True):
        vectors, valid = torch.from_numpy(to_pixels(flow.vectors))[None], torch.from_numpy(flow.valid)[None].float()
        expected = trace(vectors, valid, Size(flow.height, flow.width), PARAMS)
        np.testing.assert_allclose(reader.offsets(flow.clip_id) / 64, expected.offsets[0], atol=0.5 / 64 + 1e-6)
        np.testing.assert_array_equal(reader.lost(flow.clip_id), expected.lost[0])
        assert row.num_steps == len(flow.vectors)
        assert row.lost_share == pytest.approx(float(expected.lost.float().mean()) if row.num_steps else 0, abs=1e-6)
    assert 0.1 < reader.clips[0].lost_share < 0.9


def test_a_shard_says_where_its_flow_came_from(tmp_path: Path) -> None:
    flow_folder(tmp_path / "flow", ((calm(0),),))
    assemble(tmp_path / "out", made(tmp_path))
    about = TrajectoryReader(tmp_path / "out").about("v0-00000")
    assert (about["backend"], about["weights_sha256"], about["frame_rate_hz"]) == ("dis", "none", "8")
    assert (about["grid_step_px"], about["length_steps"], about["min_valid"]) == ("3", "2", "0.5")


def test_a_point_that_is_carried_farther_than_can_be_written_is_lost(tmp_path: Path) -> None:
    """Frames of 1,600 px: 3 steps of 200 px lead 600 px away, of which 511.98 can be stored."""
    far = replace(
        clip_flow(0),
        height=16,
        width=1600,
        vectors=np.stack([np.full((3, 4, 400), 200 * 64), np.zeros((3, 4, 400))], axis=1).astype(np.int16),
        valid=np.ones((3, 4, 400), np.uint8),
    )
    flow_folder(tmp_path / "flow", ((far,),))
    assemble(tmp_path / "out", made(tmp_path, Trajectories(grid_step_px=16, length_steps=3, min_valid=0.5)))
    reader = TrajectoryReader(tmp_path / "out")
    assert reader.offsets("v0-00000")[:, 0, 0, 0].tolist() == [12800, 25600, 32767]
    assert reader.lost("v0-00000")[:, 0, 0].tolist() == [0, 0, 1]


def test_finished_shards_are_found_and_new_flow_costs_its_own_alone(tmp_path: Path) -> None:
    flow_folder(tmp_path / "flow", ((calm(0),), (calm(1),)))
    first = made(tmp_path)
    inodes = {result.name: (result.folder / "trajectories.arrow").stat().st_ino for result in first}
    flow_folder(tmp_path / "flow", ((calm(0),), (calm(1),), (calm(2),)))
    grown = made(tmp_path)
    assert len(grown) == 3
    assert {r.name: (r.folder / "trajectories.arrow").stat().st_ino for r in grown}.items() > inodes.items()


def test_flow_and_params_make_another_name_and_code_only_another_copy(tmp_path: Path) -> None:
    flow_folder(tmp_path / "flow", ((calm(0),),))
    (base,), (again,) = made(tmp_path), made(tmp_path, code="2")
    assert (again.name, again.sum) == (base.name, base.sum)
    assert again.folder != base.folder
    longer = made(tmp_path, PARAMS.model_copy(update={"length_steps": 3}))[0]
    flow_folder(tmp_path / "flow", ((calm(1),),))
    assert len({base.name, longer.name, made(tmp_path)[0].name}) == 3


def test_two_stores_hold_the_same_bytes(tmp_path: Path) -> None:
    flow_folder(tmp_path / "flow", ((calm(0), calm(1), calm(2)),))
    sums = []
    for store in ("one", "two"):
        maker = TraceMaker(tmp_path / store, PARAMS, {}, tmp_path / "flow")
        (result,) = [maker(job) for job in maker.jobs()]
        assert sha256(result.folder / "trajectories.arrow") == result.sum.sha256
        sums.append(result.sum)
    assert sums[0] == sums[1]


def test_shards_of_an_earlier_run_go_when_the_folder_is_laid_out(tmp_path: Path) -> None:
    flow_folder(tmp_path / "flow", ((calm(0),),))
    assemble(tmp_path / "out", made(tmp_path))
    assemble(tmp_path / "out", made(tmp_path, PARAMS.model_copy(update={"length_steps": 1})))
    assert len(list((tmp_path / "out" / "shards").iterdir())) == 1
    assert TrajectoryReader(tmp_path / "out").offsets("v0-00000").shape == (3, 2, 6, 8)


def test_no_flow_gives_no_shard(tmp_path: Path) -> None:
    flow_folder(tmp_path / "flow", ())
    assemble(tmp_path / "out", made(tmp_path))
    assert TrajectoryReader(tmp_path / "out").clips == ()


def test_what_is_stored_names_its_videos_so_that_they_can_be_forgotten(tmp_path: Path) -> None:
    flow_folder(tmp_path / "flow", ((replace(calm(0), video_id="00c0ffee00c0ffee"),),))
    (result,) = made(tmp_path)
    assert "00c0ffee00c0ffee" in (result.folder / "result.json").read_text()


def test_the_recipe_names_the_code_that_makes_trajectories(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[Path] = []

    def digest(*paths: Path) -> str:
        asked.extend(paths)
        return "d"

    monkeypatch.setattr("stages.motion.tracing.source_digest", digest)
    assert recipe() == {"code": "d", "torch": torch.__version__}
    assert all(path.is_file() for path in asked)
    assert {"tracing.py", "trajectories.py", "grid.py", "trajectory_writer.py"} <= {path.name for path in asked}
