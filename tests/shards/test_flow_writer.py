from dataclasses import replace
from pathlib import Path

import pyarrow as pa
import pytest

from stages.shards.files import sha256
from stages.shards.flow_writer import open_flow_shard
from tests.synth.flows import ABOUT, clip_flow


def test_a_shard_can_be_read_without_this_project(tmp_path: Path) -> None:
    about = replace(ABOUT, backend="pwcnet", weights_sha256="ab12", weights_licence="MIT")
    with open_flow_shard(tmp_path / "s.arrow", about) as shard:
        assert [shard.write(clip_flow(number)) for number in range(2)] == [0, 1]
    file = pa.ipc.open_file(pa.memory_map(str(tmp_path / "s.arrow")))
    assert file.num_record_batches == 2
    found = {key.decode(): value.decode() for key, value in file.schema.metadata.items()}
    assert found == {
        "schema_version": "1",
        "units": "1/64 px of the stored frame",
        "units_per_px": "64",
        "grid_px": "4",
        "frame_rate_hz": "8",
        "backend": "pwcnet",
        "weights_sha256": "ab12",
        "weights_licence": "MIT",
    }
    assert all(field.metadata[b"about"] for field in file.schema)
    batch, flow = file.get_batch(1), clip_flow(1)
    assert batch.column("vectors")[0].as_py() == flow.vectors.ravel().tolist()
    assert batch.column("valid")[0].as_py() == flow.valid.ravel().tolist()
    assert (batch.column("height")[0].as_py(), batch.column("width")[0].as_py()) == (flow.height, flow.width)


def test_the_same_flows_give_the_same_bytes(tmp_path: Path) -> None:
    for name in ("a", "b"):
        with open_flow_shard(tmp_path / name, ABOUT) as shard:
            shard.write(clip_flow(3))
    assert sha256(tmp_path / "a") == sha256(tmp_path / "b")


def test_a_shard_that_was_not_finished_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(KeyError), open_flow_shard(tmp_path / "s.arrow", ABOUT) as shard:
        shard.write(clip_flow(0))
        raise KeyError
    assert list(tmp_path.iterdir()) == []
