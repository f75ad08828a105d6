"""Finds the files of a root folder that may be videos, and what their place in it says."""

import os
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

ROOT_ARRIVAL = "."  # of files that lie directly in the root

# What downloaders, DVC and desktops put beside videos is no broken video
_COMPANION_SUFFIXES = frozenset(
    (
        *(".description", ".dvc", ".jpeg", ".jpg", ".json", ".md", ".part", ".png", ".srt"),
        *(".csv", ".tsv", ".txt", ".vtt", ".webp", ".yaml", ".yml", ".ytdl"),
    )
)
_COMPANION_NAMES = frozenset((".gitignore", ".dvcignore", ".DS_Store", "Thumbs.db", "desktop.ini"))


@dataclass(frozen=True, slots=True)
class Listing:
    """Paths below the root, sorted, with / between folders; `num_companions` other files were passed over."""

    paths: tuple[str, ...]
    num_companions: int


def find_videos(root: Path) -> Listing:
    """All files below `root`, any depth, except companions; symbolic links are listed but never followed.

    Raises `ValueError` when `root` is no folder, and `OSError` when one below it cannot be listed.
    """
    if not root.is_dir():
        raise ValueError(f"index.videos: {root} is no folder; put videos there, or name another one in params.yaml")
    found: list[str] = []
    for folder, folders, files in os.walk(root, onerror=_refuse):
        links = [name for name in folders if (Path(folder) / name).is_symlink()]
        found += [(Path(folder) / name).relative_to(root).as_posix() for name in (*files, *links)]
    videos = sorted((path for path in found if not _is_companion(path)), key=os.fsencode)
    return Listing(tuple(videos), len(found) - len(videos))


def arrival_of(path: str) -> str:
    """First-level folder of a path below the root, or ROOT_ARRIVAL."""
    parts = PurePosixPath(path).parts
    return parts[0] if len(parts) > 1 else ROOT_ARRIVAL


def label_of(path: str) -> str | None:
    """Name of the folder that a file lies in, unless that is the root."""
    parts = PurePosixPath(path).parts
    return parts[-2] if len(parts) > 1 else None


def printable(path: str) -> str:
    r"""A path that fits into a table: bytes that are no UTF-8 become \xNN."""
    return os.fsencode(path).decode("utf-8", errors="backslashreplace")


def _refuse(error: OSError) -> None:
    """Else a folder that may not be read would be passed over without a word."""
    raise error


def _is_companion(path: str) -> bool:
    name = PurePosixPath(path)
    return name.name in _COMPANION_NAMES or name.suffix.lower() in _COMPANION_SUFFIXES
