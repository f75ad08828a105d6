"""Finds which entry of the lists a downloaded file is, by the id and the start in its name."""

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from stages.catalogue.published import Entry, read_list
from stages.params import ListedSplit, ListFile

_ID_CHARACTERS = 11
_START = re.compile(r"_(?P<start>\d{6})(?!\d)|_(?P<from>\d+)_(?P<to>\d+)(?!\d)")
_MS = 1000
_STRICTEST: tuple[ListedSplit, ...] = ("test", "validation", "train")  # an id of two splits is never trained on


@dataclass(frozen=True, slots=True)
class Listed:
    """What the lists say of one file."""

    youtube_id: str
    label: str
    split: ListedSplit | None
    entries: tuple[Entry, ...]


class Catalogue:
    """All entries of all lists, by id."""

    def __init__(self, entries: Iterable[Entry]) -> None:
        self.entries = tuple(entries)
        self._by_id: defaultdict[str, list[Entry]] = defaultdict(list)
        for entry in self.entries:
            self._by_id[entry.youtube_id].append(entry)

    @property
    def has_validation(self) -> bool:
        """Whether any list gives videos to validation; where none does, some of the training videos serve."""
        return any(entry.split == "validation" for entry in self.entries)

    @property
    def contested(self) -> list[str]:
        """Ids that the lists give to more than one split."""
        return sorted(name for name, of_id in self._by_id.items() if len({entry.split for entry in of_id} - {None}) > 1)

    def find(self, path: str) -> Listed | None:
        """The entries of a file; None where its name holds no listed id, several, or the start of another segment."""
        stem = PurePosixPath(path).stem
        found = {(name, rest) for name, rest in _candidates(stem) if name in self._by_id}
        if len({name for name, _ in found}) != 1:
            return None
        name, rest = max(found)
        of_id = self._by_id[name]
        segments = _segments(of_id, rest)
        if not segments:
            return None
        label = " + ".join(sorted({entry.label for entry in segments}))
        splits = {entry.split for entry in of_id}
        split = next(filter(splits.__contains__, _STRICTEST), None)
        return Listed(name, label, split, segments)


def read_catalogue(folder: Path, lists: Mapping[str, ListFile]) -> Catalogue:
    """All lists of params.yaml, read from their folder."""
    return Catalogue(entry for origin, described in lists.items() for entry in read_list(folder, origin, described))


def _candidates(stem: str) -> Iterator[tuple[str, str]]:
    """Every part of a name that may be an id, with what follows it; ids may hold - and _, so no border is certain."""
    for start in range(len(stem) - _ID_CHARACTERS + 1):
        yield stem[start : start + _ID_CHARACTERS], stem[start + _ID_CHARACTERS :]


def _segments(of_id: list[Entry], rest: str) -> tuple[Entry, ...]:
    """Those entries of an id that begin where the file's name says; all where one of the two says nothing."""
    named = _START.match(rest)
    if named is None or any(entry.start_s is None for entry in of_id):
        return tuple(of_id)
    starts_s = {int(named["start"])} if named["start"] else {int(named["from"]), int(named["from"]) / _MS}
    return tuple(entry for entry in of_id if entry.start_s in starts_s)
