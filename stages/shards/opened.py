"""Opens the shards of a folder: each is checked once, on first use, and then mapped into memory."""

from pathlib import Path
from typing import Any

import pyarrow as pa

from stages import layout
from stages.shards.check import ShardError, ShardKind, check_shard, check_version, read_manifest


class OpenShards:
    """Values of single clips, without a copy.

    Args:
        folder: Holds manifest.json and shards/.
        kind: Of the shards in it.
    """

    def __init__(self, folder: Path, kind: ShardKind) -> None:
        self._folder, self._kind = folder / layout.SHARDS.name, kind
        self._manifest = read_manifest(folder / layout.MANIFEST.name, kind)
        self._open: dict[str, pa.RecordBatchFileReader] = {}

    def about(self, name: str) -> dict[str, str]:
        """The metadata of a shard."""
        return {key.decode(): value.decode() for key, value in self._file(name).schema.metadata.items()}

    def value(self, name: str, row: int, *, clip_id: str, column: str) -> Any:
        """The value of a column in a row, which must hold the clip."""
        batch = self._file(name).get_batch(row)
        if (found := batch.column("clip_id")[0].as_py()) != clip_id:
            raise ShardError(f"{name}: row {row} holds clip {found}, expected {clip_id}; {self._kind.remake}")
        return batch.column(column)[0]

    def _file(self, name: str) -> pa.RecordBatchFileReader:
        if name not in self._open:
            if name not in self._manifest:
                raise ShardError(f"{name}: not in the manifest; {self._kind.remake}")
            path = self._folder / name
            check_shard(path, self._manifest[name], self._kind)
            opened = pa.ipc.open_file(pa.memory_map(str(path)))
            found = (opened.schema.metadata or {}).get(b"schema_version", b"none").decode()
            check_version(path, found, self._kind)
            self._open[name] = opened
        return self._open[name]
