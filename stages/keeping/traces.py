"""Finds what the store holds of one video."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from stages import layout
from stages.keeping.entries import Entry, entries, held, remove
from stages.keeping.uses import uses
from stages.shards.files import read_json
from stages.shards.schema import ClipRow, Reject
from stages.shards.store import KEY
from stages.shards.tables import read_rows

ID_PATTERN = r"[0-9a-f]{16}"
_TWIN = "same bytes as "  # how index words the refusal of a second file of one content


class BusyError(ValueError):
    """A stage works with what should be removed."""


@dataclass(frozen=True, slots=True)
class Known:
    """What this workspace's tables and the store's keys say of one file."""

    video_id: str
    path: str  # below index.videos


def known_files(root: Path) -> set[Known]:
    """All files that were taken, here or by whatever decoded shards of the store are made of."""
    rows = read_rows(layout.CLIPS, ClipRow) if layout.CLIPS.is_file() else []
    found = {Known(row.video_id, row.path) for row in rows}
    paths = {known.path: known.video_id for known in found}
    rejects = read_rows(layout.INDEX_REJECTS, Reject) if layout.INDEX_REJECTS.is_file() else []
    for reject in rejects:
        if (twin := paths.get(reject.detail.removeprefix(_TWIN))) is not None:
            found.add(Known(twin, reject.path))
    return found | set(_decoded_files(root))


def entries_about(root: Path, video_id: str) -> list[Entry]:
    """Work that was made of a video, and checkpoints that were trained on it or chosen by it.

    The id stands in one of an entry's own JSON files: in its key, in its result, among a training's videos, or as the
    beginning of a file's sha256 where the video itself lies there.
    """
    return [entry for entry in entries(root) if any(video_id in text for text in _texts(entry.folder))]


def other_workspaces(root: Path, found: list[Entry]) -> list[Path]:
    """Workspaces besides this one whose outs were made of such work."""
    names = {entry.name for entry in found}
    return sorted({use.workspace for use in uses(root) if names & set(use.names)} - {Path.cwd()})


def remove_all(found: list[Entry]) -> None:
    """Delete entries; `BusyError` names the first that a running stage holds, those before it are gone."""
    for entry in found:
        with held(layout.store_lock(entry.room)) as free:
            if not ((free or entry.room == "train") and remove(entry)):
                raise BusyError(f"{entry.folder}: a running stage `{entry.room}` holds it; run this again after it")


def _texts(folder: Path) -> Iterator[str]:
    return (path.read_text(encoding="utf-8", errors="replace") for path in sorted(folder.glob("*.json")))


def _decoded_files(root: Path) -> Iterator[Known]:
    for key in root.glob(f"decode/*/{KEY}"):
        content = read_json(key)
        yield from (Known(video[0], path) for video, path in zip(content["videos"], content["paths"], strict=True))
