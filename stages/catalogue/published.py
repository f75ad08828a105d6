"""Reads published lists of videos: MUSIC and MUSIC-21, Solos, VGGSound, AVE, and the splits of iQuery."""

import csv
import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from stages.params import ListedSplit, ListFile

_ID = re.compile(r"[A-Za-z0-9_-]{11}")
_VGGSOUND_FILE = re.compile(r"([A-Za-z0-9_-]{11})_(\d{6})\.mp4")
_IQUERY_FILE = re.compile(r"/?(?P<label>[^/]+)/(?P<id>[A-Za-z0-9_-]{11})\.mp4")
_SPLITS: dict[str, ListedSplit] = {"train": "train", "val": "validation", "validation": "validation", "test": "test"}


class ListError(ValueError):
    """A list is not there, or not of the format that params.yaml says."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One video, or one segment of it, that a list names."""

    origin: str  # name of the list in index.lists
    youtube_id: str
    label: str
    start_s: int | None  # of the segment, in lists of segments
    split: ListedSplit | None  # None where neither the list nor its params say

    def __post_init__(self) -> None:
        if not _ID.fullmatch(self.youtube_id) or not self.label:
            raise ValueError(f"expected a label and an id of 11 characters, got {self.label!r}, {self.youtube_id!r}")


def read_list(folder: Path, origin: str, described: ListFile) -> list[Entry]:
    """Entries of one list, in its order; `ListError` names the line (or the part) that is of no such format.

    Args:
        folder: Where lists lie.
        origin: Name of the list.
        described: File, format, and the split of all its videos where the file is that of one split.
    """
    path = folder / described.file
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise ListError(
            f"index.lists.{origin}: {path}: {error}; put the list there (see {folder}/README.md)"
        ) from error
    try:
        rows = list(_READERS[described.format](text))
        entries = [Entry(origin, name, label, start, described.split or split) for name, label, start, split in rows]
    except ValueError as error:
        raise ListError(f"{path}: is no list of format {described.format}: {error}") from error
    if not entries:
        raise ListError(f"{path}: names no video; expected a list of format {described.format}")
    return entries


_Row = tuple[str, str, int | None, ListedSplit | None]  # id, label, start in s, split


def _music(text: str) -> Iterator[_Row]:
    """`{"videos": {label: [id, ...]}}`; the labels of a duet are `flute violin`."""
    content = json.loads(text)
    if not isinstance(content, dict) or "videos" not in content:
        raise ValueError('expected an object with the key "videos"')
    return _by_label(content["videos"])


def _solos(text: str) -> Iterator[_Row]:
    """`{label: [id, ...]}` (solos_ids.json) or `{label: {id: spans}}` (solos_timestamps.json, the spans unused)."""
    return _by_label(json.loads(text))


def _by_label(videos: Any) -> Iterator[_Row]:
    if not isinstance(videos, dict) or not all(isinstance(ids, (list, dict)) for ids in videos.values()):
        raise ValueError("expected ids by label")
    return ((str(name), label, None, None) for label, ids in videos.items() for name in ids)


def _vggsound(text: str) -> Iterator[_Row]:
    """Lines `id,start,label,split` (vggsound.csv), or `id_start.mp4,label` (train.csv, test.csv)."""
    for number, fields in _lines(text):
        short = _VGGSOUND_FILE.fullmatch(fields[0]) if len(fields) == 2 else None
        if short:
            yield short[1], fields[1], int(short[2]), None
        elif len(fields) == 4 and fields[1].isdecimal() and fields[3] in _SPLITS:
            yield fields[0], fields[2], int(fields[1]), _SPLITS[fields[3]]
        else:
            raise ValueError(f"line {number}: expected id,start,label,split or id_start.mp4,label, got {fields}")


def _ave(text: str) -> Iterator[_Row]:
    """Lines `label&id&quality&start&end`; the event's times lie inside of ten seconds that files hold wholly."""
    for number, line in enumerate(text.splitlines(), 1):
        fields = line.split("&")
        if number == 1 and fields[:2] == ["Category", "VideoID"]:
            continue
        if line.strip() and len(fields) != 5:
            raise ValueError(f"line {number}: expected label&id&quality&start&end, got {line!r}")
        if line.strip():
            yield fields[1], fields[0], None, None


def _iquery(text: str) -> Iterator[_Row]:
    """Lines `/label/id.wav,/label/id.mp4,frames`; testsep*.csv list pairs to be mixed, which is another thing."""
    for number, fields in _lines(text):
        found = _IQUERY_FILE.fullmatch(fields[1].strip()) if len(fields) == 3 else None
        if found is None:
            raise ValueError(f"line {number}: expected /label/id.wav,/label/id.mp4,frames, got {fields}")
        yield found["id"], found["label"], None, None


def _lines(text: str) -> Iterator[tuple[int, list[str]]]:
    """Line numbers and fields of the lines of a CSV that are not empty."""
    return ((number, fields) for number, fields in enumerate(csv.reader(text.splitlines()), 1) if fields)


_READERS: dict[str, Callable[[str], Iterator[_Row]]] = {
    "music": _music,
    "solos": _solos,
    "vggsound": _vggsound,
    "ave": _ave,
    "iquery": _iquery,
}
