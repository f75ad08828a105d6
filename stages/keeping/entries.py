"""What lies in the store: finished work and checkpoints, how large, and when it was last asked for."""

import fcntl
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from stages.shards.store import PARTIAL, SEEN, SUMS, USES

TRAIN = "train"  # room of checkpoints; each of its folders has a lock of its own
_LOCK = ".lock"
_NO_ROOMS = {"spool", USES}  # metrics that MLflow has not seen yet; records of who uses what


@dataclass(frozen=True, slots=True)
class Entry:
    """One folder of a room."""

    room: str
    name: str  # as the records of uses write it: `decode/1234...`
    folder: Path
    num_bytes: int
    own_bytes: int  # of files that have no other name: what deleting the folder frees
    used_s: float  # time of its last use, Unix


def entries(root: Path) -> list[Entry]:
    """All finished work and checkpoints of a store, sorted by room and name; nothing that is being made."""
    places = [(room, _checkpoints(room) if room.name == TRAIN else _folders(room)) for room in rooms(root)]
    return [_entry(root, room.name, folder) for room, folders in places for folder in folders]


def rooms(root: Path) -> list[Path]:
    """Folders of a store that hold work."""
    found = sorted(root.iterdir()) if root.is_dir() else []
    return [room for room in found if room.is_dir() and room.name not in _NO_ROOMS and not room.name.startswith(".")]


def size_bytes(root: Path) -> int:
    """All that lies below a folder."""
    return sum(status.st_size for status in _files(root))


@contextmanager
def held(path: Path) -> Iterator[bool]:
    """Whether a lock file could be had for oneself; it then is, until the end of the block."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a", encoding="utf-8") as handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
            return
        yield True


def remove(entry: Entry) -> bool:
    """Delete an entry; False, and nothing deleted, where a training holds its checkpoints.

    Whoever calls holds the lock of any other room. The lock of checkpoints stays: a process may wait for it.
    """
    if entry.room != TRAIN:
        shutil.rmtree(entry.folder)
        return True
    with held(entry.folder / _LOCK) as free:
        for path in entry.folder.iterdir() if free else ():
            if path.is_dir():
                shutil.rmtree(path)
            elif path.name != _LOCK:
                path.unlink()
        return free


def _folders(place: Path) -> Iterator[Path]:
    """Finished work at any depth of a room."""
    for folder in sorted(path for path in place.iterdir() if path.is_dir() and path.suffix != PARTIAL):
        if (folder / SUMS).is_file():
            yield folder
        else:
            yield from _folders(folder)


def _checkpoints(room: Path) -> Iterator[Path]:
    for folder in sorted(path for path in room.iterdir() if path.is_dir()):
        if any(path.name != _LOCK for path in folder.iterdir()):
            yield folder


def _entry(root: Path, room: str, folder: Path) -> Entry:
    files = list(_files(folder))
    own_bytes = sum(status.st_size for status in files if status.st_nlink == 1)
    num_bytes, name = sum(status.st_size for status in files), folder.relative_to(root).as_posix()
    return Entry(room, name, folder, num_bytes, own_bytes, _last_use_s(folder))


def _files(folder: Path) -> Iterator[os.stat_result]:
    """Status of every file below a folder; one that a running stage removes meanwhile is none."""
    for place, _, names in os.walk(folder):
        for name in names:
            with suppress(FileNotFoundError):
                yield (Path(place) / name).stat()


def _last_use_s(folder: Path) -> float:
    """Of finished work when it was asked for; of checkpoints when one was written or their lock was taken."""
    if (folder / SEEN).is_file():
        return (folder / SEEN).stat().st_mtime
    marks = [path for path in (folder, folder / _LOCK) if path.exists()]
    return max(path.stat().st_mtime for path in marks)
