from pathlib import Path

import pytest

from stages.shards.check import DECODED, ShardError, ShardKind, ShardSum, check_shard, check_version, read_manifest
from stages.shards.files import sha256
from stages.shards.schema import SCHEMA_VERSION


def test_only_the_very_bytes_pass(tmp_path: Path) -> None:
    path = tmp_path / "s.arrow"
    path.write_bytes(b"abc")
    expected = ShardSum(sha256(path), rows=1, bytes=3)
    check_shard(path, expected, DECODED)
    path.write_bytes(b"abd")
    with pytest.raises(ShardError, match=r"s\.arrow: sha256 is .*damaged"):
        check_shard(path, expected, DECODED)
    path.write_bytes(b"ab")
    with pytest.raises(ShardError, match="2 bytes, the manifest says 3"):
        check_shard(path, expected, DECODED)


def test_versions_and_absence_are_told_with_a_command(tmp_path: Path) -> None:
    check_version(tmp_path, SCHEMA_VERSION, DECODED)
    with pytest.raises(ShardError, match=rf"schema version 7, expected {SCHEMA_VERSION}; run `dvc repro index decode`"):
        check_version(tmp_path, 7, DECODED)
    with pytest.raises(ShardError, match="not found; run `dvc repro decode`"):
        read_manifest(tmp_path / "manifest.json", DECODED)


def test_each_kind_names_the_stage_that_writes_it(tmp_path: Path) -> None:
    path, kind = tmp_path / "s.arrow", ShardKind("echo", 3, "echo")
    path.write_bytes(b"abc")
    with pytest.raises(ShardError, match="dvc repro --force --single-item echo` to write it anew"):
        check_shard(path, ShardSum(sha256(path), rows=1, bytes=4), kind)
    with pytest.raises(ShardError, match="schema version 2, expected 3; run `dvc repro echo`"):
        check_version(path, 2, kind)
