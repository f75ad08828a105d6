from dataclasses import replace
from pathlib import Path

import pyarrow as pa
import pytest

from stages.shards.files import sha256
from stages.shards.trajectory_writer import open_trajectory_shard
from tests.synth.tracks import ABOUT, clip_trajectories


def test_a_shard_can_be_read_without_this_project(tmp_path: Path) -> None:
    with open_trajectory_shard(tmp_path / "s.arrow", ABOUT) as shard:
        assert [shard.write(clip_trajectories(number)) for number in range(2)] == [0, 1]
    file = pa.ipc.open_file(pa.memory_map(str(tmp_path / "s.arrow")))
    assert file.num_record_batches == 2
    assert {key.decode(): value.decode() for key, value in file.schema.metadata.items()} == {
        "schema_version": "1",
        "units": "1/64 px of the stored frame",
        "units_per_px": "64",
        "grid_step_px": "5",
        "length_steps": "2",
        "min_valid": "0.5",
        "frame_rate_hz": "8",
        "backend": "pwcnet",
        "weights_sha256": "ab12",
        "weights_licence": "MIT",
    }
    assert all(field.metadata[b"about"] for field in file.schema)
    batch, tracks = file.get_batch(1), clip_trajectories(1)
    assert batch.column("offsets")[0].as_py() == tracks.offsets.ravel().tolist()
    assert batch.column("lost")[0].as_py() == tracks.lost.ravel().tolist()
    assert [batch.column(name)[0].as_py() for name in ("height", "width", "rows", "columns")] == [18, 24, 4, 5]


def test_without_doubts_the_shard_says_so(tmp_path: Path) -> None:
    with open_trajectory_shard(tmp_path / "s.arrow", replace(ABOUT, min_valid=None)) as shard:
        shard.write(clip_trajectories(0))
    assert pa.ipc.open_file(pa.memory_map(str(tmp_path / "s.arrow"))).schema.metadata[b"min_valid"] == b"none"


def test_the_same_trajectories_give_the_same_bytes(tmp_path: Path) -> None:
    for name in ("a", "b"):
        with open_trajectory_shard(tmp_path / name, ABOUT) as shard:
            shard.write(clip_trajectories(3))
    assert sha256(tmp_path / "a") == sha256(tmp_path / "b")


def test_a_shard_that_was_not_finished_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(KeyError), open_trajectory_shard(tmp_path / "s.arrow", ABOUT) as shard:
        shard.write(clip_trajectories(0))
        raise KeyError
    assert list(tmp_path.iterdir()) == []
