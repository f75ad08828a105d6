"""Which generator made a corpus: a hash of its code and note samples, told without importing any of it."""

from pathlib import Path

from stages.shards.store import source_digest


def digest() -> str:
    """sha256 of all that a rendering depends on besides its take and ffmpeg."""
    room = Path(__file__).parent
    samples = sorted((room / "samples").glob("*.*"))
    return source_digest(room, room.parent / "media" / "encode.py", *samples)
