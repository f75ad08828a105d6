"""Shards are used only after their bytes were found to be those that were written."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from stages.shards.files import read_json, sha256
from stages.shards.schema import SCHEMA_VERSION


class ShardError(ValueError):
    """A shard is missing, damaged or of another schema version."""


@dataclass(frozen=True, slots=True)
class ShardKind:
    """What one stage writes, and in which version of its schema."""

    stage: str
    schema_version: int
    rewritten_by: str  # the stages that write it anew when the schema has changed

    @property
    def remake(self) -> str:
        """How to replace what is damaged: without PIXELS_VERIFY, finished work is taken for whole by its date."""
        return f"run `PIXELS_VERIFY=1 dvc repro --force --single-item {self.stage}` to write it anew"


DECODED = ShardKind("decode", SCHEMA_VERSION, "index decode")


@dataclass(frozen=True, slots=True)
class ShardSum:
    """What the manifest says of one shard."""

    sha256: str
    rows: int
    bytes: int


def read_manifest(path: Path, kind: ShardKind) -> dict[str, ShardSum]:
    """Shards by file name; `ShardError` when the manifest is absent or of another schema version."""
    if not path.is_file():
        raise ShardError(f"{path}: not found; run `dvc repro {kind.stage}`")
    content: dict[str, Any] = read_json(path)
    check_version(path, content.get("schema_version"), kind)
    return {name: ShardSum(**entry) for name, entry in content["shards"].items()}


def check_version(path: Path, found: object, kind: ShardKind) -> None:
    """Refuse what another version of this project wrote."""
    if str(found) != str(kind.schema_version):
        remake = f"run `dvc repro {kind.rewritten_by}` to write all of it anew"
        raise ShardError(f"{path}: schema version {found}, expected {kind.schema_version}; {remake}")


def check_shard(path: Path, expected: ShardSum, kind: ShardKind) -> None:
    """`ShardError` naming the shard unless its bytes are those of the manifest."""
    if not path.is_file():
        raise ShardError(f"{path}: not found though the manifest lists it; {kind.remake}")
    if (size := path.stat().st_size) != expected.bytes:
        raise ShardError(f"{path}: {size} bytes, the manifest says {expected.bytes}; {kind.remake}")
    if (found := sha256(path)) != expected.sha256:
        differs = f"sha256 is {found[:12]}, the manifest says {expected.sha256[:12]}"
        raise ShardError(f"{path}: {differs}: damaged; {kind.remake}")
