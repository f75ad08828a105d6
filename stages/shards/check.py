"""Shards are used only after their bytes were found to be those that decode wrote."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from stages.shards.files import read_json, sha256
from stages.shards.schema import SCHEMA_VERSION

# without PIXELS_VERIFY, finished work is taken for whole by its date
REMAKE = "run `PIXELS_VERIFY=1 dvc repro --force --single-item decode` to write it anew"


class ShardError(ValueError):
    """A shard is missing, damaged or of another schema version."""


@dataclass(frozen=True, slots=True)
class ShardSum:
    """What the manifest says of one shard."""

    sha256: str
    rows: int
    bytes: int


def read_manifest(path: Path) -> dict[str, ShardSum]:
    """Shards by file name; `ShardError` when the manifest is absent or of another schema version."""
    if not path.is_file():
        raise ShardError(f"{path}: not found; run `dvc repro decode`")
    content: dict[str, Any] = read_json(path)
    check_version(path, content.get("schema_version"))
    return {name: ShardSum(**entry) for name, entry in content["shards"].items()}


def check_version(path: Path, found: object) -> None:
    """Refuse what another version of this project wrote."""
    if str(found) != str(SCHEMA_VERSION):
        remake = "run `dvc repro index decode` to write clips and shards anew"
        raise ShardError(f"{path}: schema version {found}, expected {SCHEMA_VERSION}; {remake}")


def check_shard(path: Path, expected: ShardSum) -> None:
    """`ShardError` naming the shard unless its bytes are those of the manifest."""
    if not path.is_file():
        raise ShardError(f"{path}: not found though the manifest lists it; {REMAKE}")
    if (size := path.stat().st_size) != expected.bytes:
        raise ShardError(f"{path}: {size} bytes, the manifest says {expected.bytes}; {REMAKE}")
    if (found := sha256(path)) != expected.sha256:
        raise ShardError(f"{path}: sha256 is {found[:12]}, the manifest says {expected.sha256[:12]}: damaged; {REMAKE}")
