from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from stages.shards.check import ShardError
from stages.shards.files import read_json, write_json
from stages.shards.flow_reader import FlowReader
from tests.synth.flows import clip_flow, flow_folder


def test_a_flow_is_read_as_it_was_written(tmp_path: Path) -> None:
    flows = [clip_flow(0), clip_flow(1, num_pairs=0), clip_flow(2)]
    flow_folder(tmp_path, ((flows[0], flows[1]), (flows[2],)))
    reader = FlowReader(tmp_path)
    assert [clip.clip_id for clip in reader.clips] == [flow.clip_id for flow in flows]
    for flow in reversed(flows):
        np.testing.assert_array_equal(reader.vectors(flow.clip_id), flow.vectors)
        np.testing.assert_array_equal(reader.valid(flow.clip_id), flow.valid)
        np.testing.assert_array_equal(reader.flow_px(flow.clip_id) * 64, flow.vectors)
        assert reader.about(flow.clip_id)["backend"] == "dis"


def test_nothing_is_copied(tmp_path: Path) -> None:
    """Memory of arrow's own pool stays as it is, and what is read lies in the map of the file: it can't be written."""
    flow_folder(tmp_path, ((clip_flow(0), clip_flow(1)),))
    reader = FlowReader(tmp_path)
    reader.vectors("v0-00000")  # opens the shard
    before = pa.total_allocated_bytes()
    vectors, valid = reader.vectors("v0-00001"), reader.valid("v0-00001")
    assert pa.total_allocated_bytes() == before
    assert not vectors.flags.writeable and not valid.flags.writeable
    maps = Path("/proc/self/maps").read_text().splitlines()
    mapped = [line.split()[0].split("-") for line in maps if line.endswith("s0.arrow")]
    for array in (vectors, valid):
        address = array.__array_interface__["data"][0]
        assert any(int(start, 16) <= address < int(end, 16) for start, end in mapped)


def test_every_flipped_bit_is_found_and_its_shard_named(tmp_path: Path) -> None:
    flow_folder(tmp_path, ((clip_flow(0),), (clip_flow(1),)))
    path = tmp_path / "shards" / "s1.arrow"
    whole = path.read_bytes()
    for position in np.random.default_rng(0).integers(0, len(whole) * 8, 40):
        torn = bytearray(whole)
        torn[position // 8] ^= 1 << (position % 8)
        path.write_bytes(torn)
        reader = FlowReader(tmp_path)
        reader.vectors("v0-00000")  # the other shard is still good
        with pytest.raises(ShardError, match=r"s1\.arrow.*damaged; run `PIXELS_VERIFY=1 dvc repro .*single-item flow`"):
            reader.valid("v0-00001")


def test_a_truncated_or_missing_shard_is_named(tmp_path: Path) -> None:
    flow_folder(tmp_path, ((clip_flow(0),),))
    path = tmp_path / "shards" / "s0.arrow"
    path.write_bytes(path.read_bytes()[:-8])
    with pytest.raises(ShardError, match=r"s0\.arrow.*bytes"):
        FlowReader(tmp_path).vectors("v0-00000")
    path.unlink()
    with pytest.raises(ShardError, match=r"s0\.arrow: not found"):
        FlowReader(tmp_path).vectors("v0-00000")


def test_an_older_schema_and_a_folder_without_flow_are_refused_with_the_command_to_run(tmp_path: Path) -> None:
    with pytest.raises(ShardError, match="not found; run `dvc repro flow`"):
        FlowReader(tmp_path)
    flow_folder(tmp_path, ((clip_flow(0),),))
    manifest = read_json(tmp_path / "manifest.json")
    write_json(tmp_path / "manifest.json", manifest | {"schema_version": 0})
    with pytest.raises(ShardError, match="schema version 0, expected 1; run `dvc repro flow`"):
        FlowReader(tmp_path)


def test_a_clip_without_flow_is_named(tmp_path: Path) -> None:
    flow_folder(tmp_path, ((clip_flow(0),),))
    with pytest.raises(ValueError, match="clip other: not among the 1 clips with flow; run `dvc repro flow`"):
        FlowReader(tmp_path).vectors("other")


def test_a_row_that_holds_another_clip_is_refused(tmp_path: Path) -> None:
    flow_folder(tmp_path, ((clip_flow(0), clip_flow(1)),))
    other = tmp_path / "other"
    flow_folder(other, ((clip_flow(1), clip_flow(0)),))
    (tmp_path / "clips.parquet").unlink()
    (other / "clips.parquet").rename(tmp_path / "clips.parquet")
    with pytest.raises(ShardError, match="row 1 holds clip v0-00001, expected v0-00000"):
        FlowReader(tmp_path).vectors("v0-00000")
