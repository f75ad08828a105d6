"""Finished work outside DVC's outs, in folders keyed by all that it depends on; a damaged one is made anew.

A killed or grown run asks again for the same keys and finds what is already there.
"""

import errno
import os
import shutil
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from stages.shards.files import copy_whole, read_json, sha256, sha256_json, write_json

_SUMS = "sums.json"
_PARTIAL = ".partial"
_ABANDONED_AFTER_S = 24 * 3600.0
_NO_LINKS = (errno.EXDEV, errno.EPERM, errno.EMLINK, errno.ENOTSUP)


class Store:
    """Folders `root/<room>/<key>`, whole or absent, each with the sha256 of its files."""

    def __init__(self, root: Path) -> None:
        self._root = root

    def fetch_or_make(self, room: str, key: dict[str, Any], make: Callable[[Path], None]) -> Path:
        """Folder of the work named by `key`; made by `make(empty folder)` when absent or damaged.

        Args:
            room: What kind of work it is; a folder of the store.
            key: JSON value of everything that the result depends on.
            make: Fills the folder that it is given; must give the same files for the same key.
        """
        folder = self._root / room / sha256_json(key)
        if is_whole(folder):
            return folder
        shutil.rmtree(folder, ignore_errors=True)
        folder.parent.mkdir(parents=True, exist_ok=True)
        _sweep(folder.parent)
        temporary = Path(tempfile.mkdtemp(prefix=f"{folder.name[:16]}-", suffix=_PARTIAL, dir=folder.parent))
        try:
            make(temporary)
            write_json(temporary / _SUMS, {name: sha256(temporary / name) for name in _files(temporary)})
            _move(temporary, folder)
        finally:
            shutil.rmtree(temporary, ignore_errors=True)
        return folder


def is_whole(folder: Path) -> bool:
    """Whether a store folder is there with exactly the files and bytes that it was made with."""
    try:
        sums = read_json(folder / _SUMS)
        return set(sums) == set(_files(folder)) and all(sha256(folder / name) == sums[name] for name in sums)
    except (OSError, ValueError, AttributeError, TypeError):
        return False


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
    return sorted(name for name in names if name != _SUMS)


def _move(temporary: Path, folder: Path) -> None:
    """Give the work its name; another process may have been faster, its result is then as good."""
    try:
        temporary.rename(folder)
    except OSError:
        if not is_whole(folder):
            raise


def _sweep(room: Path) -> None:
    """Remove what killed makers left behind; a day is longer than any of them works on one folder."""
    for leftover in room.glob(f"*{_PARTIAL}"):
        if time.time() - leftover.stat().st_mtime > _ABANDONED_AFTER_S:
            shutil.rmtree(leftover, ignore_errors=True)
