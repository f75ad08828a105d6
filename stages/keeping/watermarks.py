"""How full the file systems are that a run writes to, and what on them may be freed."""

import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from stages.keeping.entries import size_bytes

Level = Literal["fine", "low", "high"]


@dataclass(frozen=True, slots=True)
class Place:
    """A folder that grows, and the command that frees it (empty: what lies there is the user's)."""

    name: str
    path: Path
    frees: str


@dataclass(frozen=True, slots=True)
class Disk:
    """A file system; `sizes` of its places, bytes, were taken only above the low mark."""

    used_share: float
    free_bytes: int
    level: Level
    places: tuple[Place, ...]
    sizes: Mapping[str, int]


def disks(places: Sequence[Place], *, low: float, high: float) -> list[Disk]:
    """The file systems of places, the fullest first; those of absent folders are where they would be made.

    Args:
        places: Folders that grow.
        low: Share of a file system in use from which it is to be watched.
        high: From which nothing should be written.
    """
    by_device: dict[int, list[Place]] = {}
    for place in places:
        by_device.setdefault(_existing(place.path).stat().st_dev, []).append(place)
    found = [_disk(tuple(group), low, high) for group in by_device.values()]
    return sorted(found, key=lambda disk: -disk.used_share)


def _disk(places: tuple[Place, ...], low: float, high: float) -> Disk:
    usage = shutil.disk_usage(_existing(places[0].path))
    share = usage.used / (usage.used + usage.free)  # what is kept for root counts as neither, as `df` has it
    level: Level = "high" if share >= high else "low" if share >= low else "fine"
    sizes = {} if level == "fine" else {place.name: size_bytes(place.path) for place in places if place.frees}
    return Disk(share, usage.free, level, places, sizes)


def _existing(path: Path) -> Path:
    path = path.resolve()
    return next(place for place in (path, *path.parents) if place.exists())
