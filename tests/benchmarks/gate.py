"""How often the gate lets through a version that is no better, and one that is better by half a decibel.

`python -m tests.benchmarks.gate [result.json [scores.parquet scores.parquet]]`; two versions' tables say how far
differences spread from video to video in truth. GATE_TRIALS=200 makes fewer trials than 2,000.

Whole verdicts on mixes of params.yaml, of 130 videos. In an A/A trial challenger and champion have the same true score;
what differs comes from videos, mixes or both. Beside it: the percentile bootstrap by a row's own video, and rows as if
independent, which both let more through.
"""

import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from stages import layout
from stages.metrics.bootstrap import resampled_means
from stages.metrics.gate import judge
from stages.metrics.pairing import pair, rows_of
from stages.params import Gate, read
from stages.shards.tables import read_columns
from tests.benchmarks.timing import tell
from tests.synth.contests import Design, Floats, contestant, design, scored

NUM_VIDEOS, DESIGNS, RESAMPLES = 130, 40, 200
Z = 1.959964
# Deviations of what videos, mixes and rows have of their own, dB.
WORLDS = {"videos": (2.0, 0.0, 1.0), "mixes": (0.0, 2.0, 1.0), "both": (1.5, 1.5, 1.0), "rows": (0.0, 0.0, 2.0)}
SCALES = (0.4, 0.7, 1.0, 1.3)  # of the world of both, for power


def trials(count: int, parts_db: tuple[float, float, float]) -> Iterator[tuple[Design, Floats]]:
    """Differences with no true mean, on mixes that are drawn anew every so often."""
    of_video_db, of_mix_db, of_row_db = parts_db
    for number in range(count):
        world = design(seed=number % DESIGNS, num_videos=NUM_VIDEOS)
        yield world, world.draw(number, of_video_db=of_video_db, of_mix_db=of_mix_db, of_row_db=of_row_db)


def let_through(world: Design, gain_db: Floats, gate: Gate) -> bool:
    difficulty = np.random.default_rng(1).normal(3, 6, len(gain_db))
    verdict = judge(contestant(world.rows, difficulty + gain_db), scored(world.rows, difficulty), gate)
    return verdict.outcome == "promote"


def percentile(world: Design, gain_db: Floats, seed: int) -> bool:
    means = resampled_means(gain_db[:, None], world.rows["video_id"], resamples=RESAMPLES, seed=seed)
    return means is not None and bool(np.quantile(means, 0.05) > 0)


def independent(gain_db: Floats) -> bool:
    return bool(gain_db.mean() / gain_db.std(ddof=1) * np.sqrt(len(gain_db)) > 1.645)


def wilson(hits: int, count: int) -> tuple[float, float]:
    """95 % interval of a share (Wilson 1927)."""
    share, weight = hits / count, Z**2 / count
    middle = (share + weight / 2) / (1 + weight)
    half = Z / (1 + weight) * np.sqrt(share * (1 - share) / count + weight / (4 * count))
    return round(float(middle - half), 4), round(float(middle + half), 4)


def share_of(hits: int, count: int) -> dict[str, Any]:
    return {"hits": hits, "share": round(hits / count, 4), "wilson": wilson(hits, count)}


def same_again(count: int, gate: Gate) -> dict[str, Any]:
    """False promotions by world and method."""
    found: dict[str, Any] = {}
    for name, parts_db in WORLDS.items():
        hits = np.zeros(3, int)
        for number, (world, gain_db) in enumerate(trials(count, parts_db)):
            hits += [
                let_through(world, gain_db, gate),
                percentile(world, gain_db, number),
                independent(gain_db),
            ]
        methods = zip(("gate", "percentile_by_video", "independent_rows"), hits.tolist(), strict=True)
        found[name] = {method: share_of(number, count) for method, number in methods}
    return found


def spread_db(gain_db: Floats, videos: list[str]) -> float:
    """Deviation over videos of a video's mean difference."""
    _, number = np.unique(videos, return_inverse=True)
    return float((np.bincount(number, gain_db) / np.bincount(number)).std(ddof=1))


def better(count: int, gate: Gate) -> list[dict[str, Any]]:
    """How often a true gain of `effect_db` is let through, by how far differences spread from video to video."""
    found: list[dict[str, Any]] = []
    for scale in SCALES:
        hits, spreads = 0, []
        of_video_db, of_mix_db, of_row_db = (scale * part_db for part_db in WORLDS["both"])
        for world, noise_db in trials(count, (of_video_db, of_mix_db, of_row_db)):
            spreads.append(spread_db(noise_db, world.rows["video_id"]))
            hits += let_through(world, noise_db + gate.effect_db, gate)
        found.append({"spread_db": round(float(np.mean(spreads)), 3), "n": count, **share_of(hits, count)})
    return found


def measured(first: Path, second: Path) -> dict[str, Any]:
    """Spread of the differences of two versions of a model, which stand first in their tables."""
    tables = [read_columns(path) for path in (first, second)]
    ours, theirs = pair(*(rows_of(table, table["estimator"][0], None) for table in tables))
    gain_db = np.subtract(ours["si_sdr"], theirs["si_sdr"])
    return {"spread_db": round(spread_db(gain_db, ours["video_id"]), 3), "videos": len(set(ours["video_id"]))}


def main() -> None:
    count = int(os.environ.get("GATE_TRIALS", "2000"))
    gate = read(layout.PARAMS).register_.gate
    tables = [Path(name) for name in sys.argv[2:4]]
    tell(
        {
            "videos": NUM_VIDEOS,
            "trials": count,
            "confidence": gate.confidence,
            "effect_db": gate.effect_db,
            "false_promotions": same_again(count, gate),
            "power_by_spread": better(max(1, count // 5), gate),
            "measured": measured(*tables) if tables else None,
        }
    )


if __name__ == "__main__":
    main()
