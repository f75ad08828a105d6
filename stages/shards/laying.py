"""What every stage that writes shards does with them: group clips by the shards they lie in, lay finished ones out."""

from collections.abc import Iterable, Mapping
from itertools import groupby
from pathlib import Path
from typing import Protocol, TypeVar

from stages import layout
from stages.shards.check import ShardKind, ShardSum
from stages.shards.files import read_json
from stages.shards.store import SUMS, link_file
from stages.shards.writer import write_sums


class InShard(Protocol):
    """A row of a table that says where a clip lies."""

    @property
    def shard(self) -> str:
        """File name of the shard."""
        ...

    @property
    def row(self) -> int:
        """Record batch in it."""
        ...


Row = TypeVar("Row", bound=InShard)


def by_shard(clips: Iterable[Row]) -> dict[str, tuple[Row, ...]]:
    """Clips in the order of their rows, by the name of their shard; names in order."""
    ordered = sorted(clips, key=lambda clip: (clip.shard, clip.row))
    return {name: tuple(of_shard) for name, of_shard in groupby(ordered, key=lambda clip: clip.shard)}


def stored_sum(shard: Path, rows: int) -> ShardSum:
    """Of a shard in the store as it was made, not as it lies there: readers find damage that the store has not seen."""
    return ShardSum(read_json(shard.parent / SUMS)[shard.name], rows, shard.stat().st_size)


def lay_out(folder: Path, shards: Mapping[str, tuple[Path, ShardSum]], kind: ShardKind) -> None:
    """Make `folder`/shards hold these shards of the store (name -> file and sum) as links, and write manifest.json."""
    place = folder / layout.SHARDS.name
    for name, (file, _) in shards.items():
        link_file(file, place / name)
    for other in place.glob("*.arrow"):
        if other.name not in shards:
            other.unlink()  # of an earlier run with other input or params
    write_sums(folder / layout.MANIFEST.name, {name: entry for name, (_, entry) in shards.items()}, kind)
