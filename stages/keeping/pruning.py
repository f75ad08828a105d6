"""Removes from the store what nobody uses any more."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path

from stages import layout
from stages.keeping.entries import TRAIN, Entry, entries, held, remove, rooms
from stages.keeping.uses import Use, names_in_use, uses
from stages.shards.store import sweep

_DAY_S = 24 * 3600.0


@dataclass(frozen=True, slots=True)
class Pruned:
    """What became, or would become, of one room; `busy`: a stage works in it, so nothing was removed."""

    room: str
    kept: tuple[Entry, ...]
    removed: tuple[Entry, ...]
    busy: bool


def prune(root: Path, *, keep_days: float, now_s: float, dry_run: bool) -> list[Pruned]:
    """Remove what was not used for `keep_days` and what no workspace of this host stands on.

    A room in which a stage works is left as it is, and so are the checkpoints that a training holds.
    """
    recorded, oldest_s = uses(root), now_s - keep_days * _DAY_S
    found = entries(root)
    useless = unused(found, names_in_use(recorded), oldest_s)
    by_room = {room: tuple(group) for room, group in groupby(found, key=lambda entry: entry.room)}
    if not dry_run:
        _drop_old_records(recorded, oldest_s)
    return [_prune_room(room, by_room.get(room.name, ()), useless, dry_run=dry_run) for room in rooms(root)]


def unused(found: Sequence[Entry], in_use: set[str], oldest_s: float) -> set[str]:
    """Names of entries that were last used before a moment and that nobody stands on."""
    return {entry.name for entry in found if entry.used_s < oldest_s and entry.name not in in_use}


def _prune_room(room: Path, found: Sequence[Entry], useless: set[str], *, dry_run: bool) -> Pruned:
    with held(layout.store_lock(room.name)) as free:
        may = free or room.name == TRAIN
        doomed = [entry for entry in found if entry.name in useless] if may else []
        if free and not dry_run:
            for place in {room, *(entry.folder.parent for entry in found)}:
                sweep(place)
        removed = tuple(entry for entry in doomed if dry_run or remove(entry))
    gone = {entry.name for entry in removed}
    return Pruned(room.name, tuple(entry for entry in found if entry.name not in gone), removed, not may)


def _drop_old_records(recorded: Sequence[Use], oldest_s: float) -> None:
    for use in recorded:
        if not use.workspace.is_dir() and use.record.stat().st_mtime < oldest_s:
            use.record.unlink()
