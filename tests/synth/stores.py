"""Stores with work of known age."""

import os
import time
from pathlib import Path

from stages.shards.files import write_json
from stages.shards.store import Store

DAY_S = 24 * 3600


def work(store: Path, room: str, key: dict[str, object], *, age_days: float = 0) -> Path:
    """Finished work of 1,000 bytes that was last asked for so many days ago."""
    folder = Store(store).fetch_or_make(room, key, lambda target: write_thousand(target / "a.bin"))
    grow_old(folder / "seen.json", age_days)
    return folder


def checkpoint(store: Path, key: str, *, age_days: float = 0, content: object = None) -> Path:
    """Checkpoints of a training, as one step of it leaves them."""
    folder = store / "train" / key
    (folder / "step-000006").mkdir(parents=True)
    write_thousand(folder / "step-000006" / "weights.safetensors")
    write_json(folder / "training_videos.json", content)
    for path in (folder / ".lock", folder):
        path.touch()
        grow_old(path, age_days)
    return folder


def write_thousand(path: Path) -> None:
    """A file of 1,000 bytes."""
    path.write_bytes(bytes(1000))


def grow_old(path: Path, age_days: float) -> None:
    """Date a file or folder back."""
    then_s = time.time() - age_days * DAY_S
    os.utime(path, (then_s, then_s))
