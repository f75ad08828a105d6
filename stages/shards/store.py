"""Finished work outside DVC's outs, in folders keyed by all that it depends on; a damaged one is made anew.

A killed or grown run asks again for the same keys and finds what is already there. Beside the work, a folder holds
    sums.json: sha256 of each of its files, as they were made;
    key.json: the key, so that all work on one video can be found;
    seen.json: size, modification time and inode of each file when its sha256 was last found right. A folder whose files
        still look like that is not hashed again, unless PIXELS_VERIFY is set. Its own modification time is when the
        work was last asked for.
"""

import errno
import fcntl
import json
import os
import shutil
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from stages.shards.files import copy_whole, naming_a_full_disk, read_json, sha256, sha256_json, write_json

KEY, SUMS, SEEN = "key.json", "sums.json", "seen.json"
USES = "uses"  # room of the records of `Store.note_use`
PARTIAL = ".partial"
_CLOCK_TICK_NS = 10**9  # more than a file system's: within one tick, a change may leave the modification time as it is
_NO_LINKS = (errno.EXDEV, errno.EPERM, errno.EMLINK, errno.ENOTSUP)


class Store:
    """Folders `root/<room>/<key>`, whole or absent, each with the sha256 of its files."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def fetch_or_make(self, room: str, key: dict[str, Any], make: Callable[[Path], None]) -> Path:
        """Folder of the work named by `key`; made by `make(empty folder)` when absent or damaged.

        Args:
            room: What kind of work it is; a folder of the store.
            key: JSON value of everything that the result depends on.
            make: Fills the folder that it is given; must give the same files for the same key.
        """
        folder = self._folder(room, key)
        if _verify(folder):
            return folder
        shutil.rmtree(folder, ignore_errors=True)
        with self.workplace(room, folder.name[:16]) as temporary:
            with naming_a_full_disk(folder, lambda: _num_bytes(temporary)):
                make(temporary)
                _seal(temporary, key)
            _move(temporary, folder)
        return folder

    def find(self, room: str, key: dict[str, Any]) -> Path | None:
        """Folder of finished work that looks as when it was last found whole; None: ask `fetch_or_make`."""
        folder = self._folder(room, key)
        return folder if _looks_whole(folder) else None

    @contextmanager
    def workplace(self, room: str, name: str) -> Iterator[Path]:
        """A new, empty folder in a room, this process's own; gone afterwards, or, if we are killed, at the next use."""
        (self.root / room).mkdir(parents=True, exist_ok=True)
        sweep(self.root / room)
        temporary, descriptor = _new_workplace(self.root / room, name)
        try:
            yield temporary
        finally:
            shutil.rmtree(temporary, ignore_errors=True)
            os.close(descriptor)

    @contextmanager
    def tidying(self, room: str) -> Iterator[None]:
        """Within it workers fill a room; those that are killed because another one failed leave nothing there."""
        try:
            yield
        finally:
            sweep(self.root / room)

    def note_use(self, stage: str, folders: Iterable[Path]) -> None:
        """Record all that the outs of this workspace's `stage` were made of: `gc` keeps it for as long as it is."""
        workspace = str(Path.cwd())
        names = sorted({folder.relative_to(self.root).as_posix() for folder in folders})
        record = {"workspace": workspace, "stage": stage, "folders": names}
        write_json(self.root / USES / f"{sha256_json([workspace, stage])[:16]}.json", record)

    def _folder(self, room: str, key: dict[str, Any]) -> Path:
        return self.root / room / sha256_json(key)


def is_whole(folder: Path) -> bool:
    """Whether a store folder is there with exactly the files and bytes that it was made with; reads all of them."""
    try:
        sums = read_json(folder / SUMS)
        return set(sums) == set(_files(folder)) and all(sha256(folder / name) == sums[name] for name in sums)
    except (OSError, ValueError, AttributeError, TypeError):
        return False


def sweep(room: Path) -> None:
    """Remove what killed makers left behind; a living one holds a lock."""
    for leftover in room.glob(f"*{PARTIAL}"):
        with suppress(OSError):  # another process sweeps too, or works there
            descriptor = os.open(leftover, os.O_RDONLY | os.O_DIRECTORY)
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                shutil.rmtree(leftover, ignore_errors=True)
            finally:
                os.close(descriptor)


def _new_workplace(room: Path, name: str) -> tuple[Path, int]:
    while True:
        temporary = Path(tempfile.mkdtemp(prefix=f"{name}-", suffix=PARTIAL, dir=room))
        with suppress(FileNotFoundError):
            descriptor = os.open(temporary, os.O_RDONLY | os.O_DIRECTORY)
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            if temporary.exists():
                return temporary, descriptor
            os.close(descriptor)  # swept before it was locked


def link_tree(source: Path, target: Path) -> None:
    """Make every file of a store folder appear under `target`: hard links, or copies where links are impossible."""
    for name in _files(source):
        link_file(source / name, target / name)


def link_file(source: Path, target: Path) -> None:
    """Make `target` a hard link to (or, across devices, a copy of) `source`, replacing what was there."""
    target.parent.mkdir(parents=True, exist_ok=True)
    target.unlink(missing_ok=True)
    try:
        os.link(source, target)
    except OSError as error:
        if error.errno not in _NO_LINKS:
            raise
        copy_whole(source, target)


def source_digest(*places: Path) -> str:
    """Hash of the Python sources under folders or files: stored results must not outlive the code that made them."""
    files = [file for place in places for file in (sorted(place.rglob("*.py")) if place.is_dir() else [place])]
    return sha256_json([[file.name, sha256(file)] for file in files])


def _files(folder: Path) -> list[str]:
    names = (path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())
    return sorted(name for name in names if name not in (KEY, SUMS, SEEN))


def _num_bytes(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def _looks(folder: Path) -> dict[str, list[int]]:
    """Size, modification time and inode of each file."""
    found = {name: (folder / name).stat() for name in _files(folder)}
    return {name: [status.st_size, status.st_mtime_ns, status.st_ino] for name, status in found.items()}


def _looks_whole(folder: Path) -> bool:
    """Whether nothing was touched since the sha256 of all files were last found right; notes the use."""
    if os.environ.get("PIXELS_VERIFY"):
        return False
    try:
        if read_json(folder / SEEN) != _looks(folder) or set(read_json(folder / SUMS)) != set(_files(folder)):
            return False
    except (OSError, ValueError, TypeError):
        return False
    with suppress(PermissionError):  # another user's, in a store that several share
        os.utime(folder / SEEN)
    return True


def _verify(folder: Path) -> bool:
    if _looks_whole(folder):
        return True
    started_ns = time.time_ns()
    try:
        looks = _looks(folder)
    except OSError:
        return False
    if not is_whole(folder):
        return False
    if all(modified_ns < started_ns - _CLOCK_TICK_NS for _, modified_ns, _ in looks.values()):
        _note_looks(folder, looks)
    return True


def _seal(folder: Path, key: dict[str, Any]) -> None:
    """Write down what was made. Its files are dated back a tick, so that any later write changes their date."""
    made_ns = time.time_ns() - _CLOCK_TICK_NS
    for name in _files(folder):
        os.utime(folder / name, ns=(made_ns, made_ns))
    write_json(folder / KEY, key)
    write_json(folder / SUMS, {name: sha256(folder / name) for name in _files(folder)})
    _note_looks(folder, _looks(folder))


def _note_looks(folder: Path, looks: dict[str, list[int]]) -> None:
    """Not synced: if it is lost with the power, the files are hashed once more."""
    (folder / SEEN).write_text(json.dumps(looks), encoding="utf-8")


def _move(temporary: Path, folder: Path) -> None:
    """Give the work its name; another process may have been faster, its result is then as good."""
    try:
        temporary.rename(folder)
    except OSError:
        if not is_whole(folder):
            raise
