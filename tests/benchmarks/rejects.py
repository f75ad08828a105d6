"""What bad files cost: a folder with some among many against the good ones alone, through index and decode.

`python -m tests.benchmarks.rejects [result.json]`; REJECTS_FILES=200 and REJECTS_REPEATS=1 make a smaller run than
1,000 files three times.
"""

import os
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Any

from stages import decode, index, layout
from stages.shards.schema import DecodedClip, Reject
from stages.shards.tables import read_rows
from tests.benchmarks.timing import cpu_s, tell
from tests.synth.media import CLIP, DECODE, INDEX, Film, write_film

BAD_SHARE = 0.05
AAC = ("-c:a", "aac", "-movflags", "+faststart")
PLAYLIST = b"#EXTM3U\n#EXTINF:10,\nfile:///etc/passwd\n"

Sizes = tuple[int, int]  # good and bad files


def fill(root: Path, sizes: Sizes) -> Counter[str]:
    """Write a folder of videos of 2 s, no two of the same bytes; the reasons that its bad ones are to get."""
    good = write_film(root / "0.mp4", Film(duration_s=2.0), extra=AAC).read_bytes()
    mute = write_film(root / "mute.mp4", Film(duration_s=2.0), sound=False, extra=AAC[2:]).read_bytes()
    (root / "mute.mp4").unlink()
    for number in range(1, sizes[0]):
        (root / f"{number}.mp4").write_bytes(good + spare(number))
    expected = Counter[str]()
    for number in range(sizes[1]):
        kinds = {
            "empty": b"",
            "not_media": PLAYLIST,
            "damaged": good[: len(good) // 2 - number],
            "no_audio": mute + spare(number),
        }
        reason = list(kinds)[number % len(kinds)]
        (root / f"bad{number}.mp4").write_bytes(kinds[reason])
        expected[reason] += 1
    return expected


def spare(number: int) -> bytes:
    """An atom that players skip, so that two files are no duplicates."""
    return (16).to_bytes(4, "big") + b"free" + number.to_bytes(8, "big")


def sort_out(root: Path) -> dict[str, Any]:
    """Run index and decode on a folder, from nothing: seconds, and what came out."""
    with tempfile.TemporaryDirectory() as name:
        os.chdir(name)
        bounds = INDEX.model_copy(update={"videos": str(root)})
        started_s, before_s = time.monotonic(), cpu_s()
        index.run(CLIP, bounds)
        decode.run(CLIP, DECODE, bounds.videos, bounds.max_reject_share)
        spent = {"wall_s": time.monotonic() - started_s, "cpu_s": cpu_s() - before_s}
        rejects = read_rows(layout.INDEX_REJECTS, Reject) + read_rows(layout.DECODE_REJECTS, Reject)
        good = {clip.path for clip in read_rows(layout.DECODE / "clips.parquet", DecodedClip)}
        os.chdir("/")
    return {**spent, "good": len(good), "rejects": rejects}


def checked(root: Path, sizes: Sizes, expected: Counter[str]) -> dict[str, float]:
    """Seconds; `ValueError` unless every file was sorted right."""
    found = sort_out(root)
    reasons = Counter(reject.reason for reject in found["rejects"])
    innocent = [reject.path for reject in found["rejects"] if "bad" not in reject.path]
    if found["good"] != sizes[0] or reasons != expected or innocent:
        raise ValueError(f"{root}: {found['good']} of {sizes[0]} good ones, {reasons}, expected {expected}; {innocent}")
    return {name: found[name] for name in ("wall_s", "cpu_s")}


def main() -> None:
    num_files = int(os.environ.get("REJECTS_FILES", "1000"))
    repeats = int(os.environ.get("REJECTS_REPEATS", "3"))
    num_bad = round(BAD_SHARE * num_files)
    os.environ["PIXELS_SERIAL"] = "1"  # the start of ray would hide a difference
    spent: dict[str, list[dict[str, float]]] = {"good alone": [], "with bad": []}
    with tempfile.TemporaryDirectory() as name:
        folders = {"good alone": (num_files - num_bad, 0), "with bad": (num_files - num_bad, num_bad)}
        expected = {label: fill(Path(name) / label, sizes) for label, sizes in folders.items()}
        for _ in range(repeats):
            for label, sizes in folders.items():
                spent[label].append(checked(Path(name) / label, sizes, expected[label]))
    best = {label: {unit: min(run[unit] for run in runs) for unit in runs[0]} for label, runs in spent.items()}
    ratios = {unit: round(best["with bad"][unit] / best["good alone"][unit], 3) for unit in ("wall_s", "cpu_s")}
    counts = {"files": num_files, "bad": num_bad, "n": repeats, "reasons": dict(expected["with bad"])}
    tell({**counts, "best": best, "ratio": ratios, "all_sorted_right": True})


if __name__ == "__main__":
    main()
