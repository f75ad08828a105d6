"""Reading clips from shards beside a folder of frames: `python -m tests.benchmarks.clips [result.json]`."""

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")

import tempfile
from pathlib import Path

import numpy as np
import soundfile
from PIL import Image

from stages.shards.reader import ClipReader
from tests.benchmarks.folder import FULL_SIZE, NUM_FRAMES, SIDE_PX, make
from tests.benchmarks.timing import interleaved, tell

REPEATS, CLIPS = 9, 8


def main() -> None:
    with tempfile.TemporaryDirectory() as room:
        ids = make(Path(room), CLIPS)
        few = compare(Path(room), ids, list(range(0, NUM_FRAMES, 16)))
        many = compare(Path(room), ids, list(range(NUM_FRAMES)))
    tell({"n": REPEATS, "clips": CLIPS, "3 frames": few, "48 frames": many})


def compare(root: Path, ids: list[str], indices: list[int]) -> dict[str, object]:
    """Clips a CPU second by both, and their ratio."""
    reader = ClipReader(root / "decode")
    width = round(SIDE_PX * FULL_SIZE[1] / FULL_SIZE[0])

    def by_folder() -> None:
        for clip_id in ids:
            folder = root / "folder" / clip_id
            for index in indices:
                np.asarray(Image.open(folder / f"{index:06d}.jpg").convert("RGB").resize((width, SIDE_PX)))
            soundfile.read(folder / "sound.wav", dtype="float32")

    def by_shard() -> None:
        for clip_id in ids:
            reader.frames(clip_id, indices)
            reader.audio(clip_id)

    spent = interleaved({"folder": by_folder, "shards": by_shard}, REPEATS)
    rates = {name: round(len(ids) / value, 1) for name, value in spent.items()}
    return {"clips_a_cpu_s": rates, "ratio": round(spent["folder"] / spent["shards"], 2)}


if __name__ == "__main__":
    main()
