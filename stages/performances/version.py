"""Which generator made a corpus: a hash of its code and note samples, told without importing any of it."""

from pathlib import Path

from stages.shards.store import source_digest

_SHOWN_DIGITS = 10


def digest() -> str:
    """sha256 of all that pictures and sounds depend on besides takes and coders."""
    room = Path(__file__).parent
    return source_digest(room, *sorted((room / "samples").glob("*.*")))


def short() -> str:
    """Its first digits, for people."""
    return digest()[:_SHOWN_DIGITS]
