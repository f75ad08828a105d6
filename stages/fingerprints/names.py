"""Finds the ids of videos in the names that downloaders give to files."""

import re
from pathlib import PurePosixPath

_ID = r"[A-Za-z0-9_-]{11}"
_BRACKETED = re.compile(rf"\[({_ID})\]")  # `Title [id].mp4`
_SEGMENT = re.compile(rf"(?:^|.*_)({_ID})_(?:\d{{6}}|\d+_\d+)")  # `id_000030.mp4`, `id_30000_40000.mp4`
_BARE = re.compile(rf"({_ID})")
# `violin_solo` has eleven characters too; an id without a capital, a small letter or a digit is one in six
_RANDOM = tuple(map(re.compile, ("[A-Z]", "[a-z]", "[0-9]")))


def id_of(path: str) -> str | None:
    """The id in a file's name, or None where there is none for certain."""
    stem = PurePosixPath(path).stem
    if found := _BRACKETED.search(stem) or _SEGMENT.fullmatch(stem):
        return found[1]
    bare = _BARE.fullmatch(stem)
    return bare[1] if bare and all(kind.search(stem) for kind in _RANDOM) else None
