"""How many of the listed videos are there."""

from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from stages.catalogue.published import Entry

_SHOWN_LABELS = 30
_SHOWN_IDS = 10


@dataclass(frozen=True, slots=True)
class Availability:
    """One label of one split of one list."""

    origin: str  # name of the list in index.lists
    split: str | None  # as listed
    label: str
    listed: int  # videos, or segments in lists of segments
    present: int  # of these, how many have a file
    used: int  # of these, how many have a file that gives clips


def availability(entries: Sequence[Entry], present: Collection[Entry], used: Collection[Entry]) -> list[Availability]:
    """Rows sorted by list, split and label."""
    listed, here, taken = (Counter(map(_group, set(group))) for group in (entries, present, used))
    ordered = sorted(listed, key=lambda group: (group[0], group[1] or "", group[2]))
    return [Availability(*group, listed[group], here[group], taken[group]) for group in ordered]


def describe(rows: Sequence[Availability], contested: Sequence[str]) -> str:
    """A line for each split of each list with the labels of which most are missing, then the ids of two splits."""
    lines = ["index: listed videos that are there (used for clips / present / listed)"]
    for origin, split in sorted({(row.origin, row.split) for row in rows}, key=str):
        of_split = [row for row in rows if (row.origin, row.split) == (origin, split)]
        counts = " / ".join(str(sum(getattr(row, name) for row in of_split)) for name in ("used", "present", "listed"))
        lines.append(f"  {origin}, {split or 'no split'}: {counts}")
        incomplete = sorted((row for row in of_split if row.used < row.listed), key=lambda row: row.used - row.listed)
        shown = [f"{row.label} {row.used}/{row.present}/{row.listed}" for row in incomplete[:_SHOWN_LABELS]]
        more = f", and {len(incomplete) - _SHOWN_LABELS} more labels" if len(incomplete) > _SHOWN_LABELS else ""
        lines += [f"    {', '.join(shown)}{more}"] if shown else []
    if contested:
        shown = ", ".join(contested[:_SHOWN_IDS])
        lines.append(f"  {len(contested)} ids are listed in two splits and go to the stricter one: {shown}")
    return "\n".join(lines)


def _group(entry: Entry) -> tuple[str, str | None, str]:
    return entry.origin, entry.split, entry.label
