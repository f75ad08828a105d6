from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from stages.shards.check import ShardError
from stages.shards.files import read_json, write_json
from stages.shards.trajectory_reader import TrajectoryReader
from tests.synth.tracks import clip_trajectories, trajectory_folder


def test_trajectories_are_read_as_they_were_written(tmp_path: Path) -> None:
    several = [clip_trajectories(0), clip_trajectories(1, num_steps=0), clip_trajectories(2)]
    trajectory_folder(tmp_path, ((several[0], several[1]), (several[2],)))
    reader = TrajectoryReader(tmp_path)
    assert [clip.clip_id for clip in reader.clips] == [tracks.clip_id for tracks in several]
    for tracks in reversed(several):
        np.testing.assert_array_equal(reader.offsets(tracks.clip_id), tracks.offsets)
        np.testing.assert_array_equal(reader.lost(tracks.clip_id), tracks.lost)
        assert reader.about(tracks.clip_id)["backend"] == "pwcnet"


def test_positions_are_starts_plus_offsets_and_motions_lead_from_one_to_the_next(tmp_path: Path) -> None:
    """Grids of 2 steps: the third step starts anew."""
    trajectory_folder(tmp_path, ((clip_trajectories(0),),))
    reader, name = TrajectoryReader(tmp_path), "v0-00000"
    starts, positions, motion = reader.starts_px(name), reader.positions_px(name), reader.motion_px(name)
    assert starts[0, 0].tolist() == [2, 7, 12, 17, 22]
    assert starts[1, :, 0].tolist() == [2, 7, 12, 17]
    np.testing.assert_array_equal((positions - starts) * 64, clip_trajectories(0).offsets)
    np.testing.assert_allclose(starts + motion[0], positions[0], atol=1e-4)
    np.testing.assert_allclose(positions[0] + motion[1], positions[1], atol=1e-4)
    np.testing.assert_allclose(starts + motion[2], positions[2], atol=1e-4)


def test_nothing_is_copied(tmp_path: Path) -> None:
    trajectory_folder(tmp_path, ((clip_trajectories(0), clip_trajectories(1)),))
    reader = TrajectoryReader(tmp_path)
    reader.offsets("v0-00000")  # opens the shard
    before = pa.total_allocated_bytes()
    offsets, lost = reader.offsets("v0-00001"), reader.lost("v0-00001")
    assert pa.total_allocated_bytes() == before
    assert not offsets.flags.writeable
    assert not lost.flags.writeable


def test_damage_is_found_and_the_shard_and_the_command_are_named(tmp_path: Path) -> None:
    trajectory_folder(tmp_path, ((clip_trajectories(0),), (clip_trajectories(1),)))
    path = tmp_path / "shards" / "s1.arrow"
    whole = path.read_bytes()
    for position in np.random.default_rng(0).integers(0, len(whole) * 8, 20):
        torn = bytearray(whole)
        torn[position // 8] ^= 1 << (position % 8)
        path.write_bytes(torn)
        reader = TrajectoryReader(tmp_path)
        reader.offsets("v0-00000")  # the other shard is still good
        with pytest.raises(ShardError, match=r"s1\.arrow.*damaged; run .*single-item trajectories`"):
            reader.lost("v0-00001")


def test_another_schema_and_a_folder_without_trajectories_are_refused_with_the_command_to_run(tmp_path: Path) -> None:
    with pytest.raises(ShardError, match="not found; run `dvc repro trajectories`"):
        TrajectoryReader(tmp_path)
    trajectory_folder(tmp_path, ((clip_trajectories(0),),))
    manifest = read_json(tmp_path / "manifest.json")
    write_json(tmp_path / "manifest.json", manifest | {"schema_version": 0})
    with pytest.raises(ShardError, match="schema version 0, expected 1; run `dvc repro trajectories`"):
        TrajectoryReader(tmp_path)


def test_a_clip_without_trajectories_is_named(tmp_path: Path) -> None:
    trajectory_folder(tmp_path, ((clip_trajectories(0),),))
    with pytest.raises(ValueError, match="clip other: not among the 1 clips with trajectories; run `dvc repro traj"):
        TrajectoryReader(tmp_path).offsets("other")
