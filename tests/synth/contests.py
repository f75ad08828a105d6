"""Versions whose true difference is known: mixes as the pipeline draws them, scores that are made of parts."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from stages.metrics.gate import Contestant
from stages.metrics.summary import METRICS, Columns

Floats = NDArray[np.float64]

# Number of mixes, of sources, and whether their videos are the shifted ones, by kind: those of params.yaml.
_KINDS = {
    "different2": (60, 2, False),
    "different3": (30, 3, False),
    "different4": (30, 4, False),
    "same2": (60, 2, False),
    "video2": (30, 1, False),
    "shifted2": (40, 2, True),
}
_LABELS = 8


@dataclass(frozen=True, slots=True)
class Design:
    """Rows of mixes without scores."""

    rows: dict[str, list[Any]]

    def draw(self, seed: int, *, of_video_db: float, of_mix_db: float, of_row_db: float = 1.0) -> Floats:
        """Differences with no true mean: what videos, mixes and rows have of their own, by standard deviation."""
        generator = np.random.default_rng(seed)
        drawn = of_row_db * generator.standard_normal(len(self.rows["mix_id"]))
        for column, deviation_db in (("video_id", of_video_db), ("mix_id", of_mix_db)):
            names, number = np.unique(self.rows[column], return_inverse=True)
            drawn = drawn + deviation_db * generator.standard_normal(len(names))[number]
        return drawn


def design(seed: int, *, num_videos: int = 130, shifted_share: float = 0.37) -> Design:
    """Mixes of so many videos, some of them shifted; in proportion to those of params.yaml, however many there are."""
    generator = np.random.default_rng(seed)
    num_shifted = round(num_videos * shifted_share)
    pools = {True: [f"s{n}" for n in range(num_shifted)], False: [f"v{n}" for n in range(num_videos - num_shifted)]}
    rows: dict[str, list[Any]] = {name: [] for name in ("mix_id", "kind", "source", "clip_id", "video_id", "label")}
    for kind, (num_mixes, num_players, shifted) in _KINDS.items():
        for number in range(num_mixes):
            players = generator.choice(pools[shifted], num_players, replace=False).tolist()
            for source, video_id in enumerate(players * (2 if num_players == 1 else 1)):
                rows["mix_id"].append(f"{kind}-{number:03d}")
                rows["kind"].append(kind)
                rows["source"].append(source)
                rows["clip_id"].append(f"{video_id}-{number}-{source}")
                rows["video_id"].append(video_id)
                rows["label"].append(f"label{int(video_id[1:]) % _LABELS}")
    return Design(rows)


def scored(rows: dict[str, list[Any]], values_db: Floats, *, name: str = "pixels") -> Columns:
    """Rows with scores: all ratios are equal, and so is the gain over a mixture at 0 dB."""
    values = values_db.tolist()
    ratios: dict[str, list[Any]] = dict.fromkeys(METRICS, values)
    more = {"estimator": [name] * len(values), "silent_estimate": [value <= -100 for value in values]}
    return rows | ratios | {"matched": [1.0] * len(values)} | more


def contestant(
    rows: dict[str, list[Any]], values_db: Floats, *, swapped_db: float | Floats = -10.0, **costs: Any
) -> Contestant:
    """A version with these scores, far lower ones for swapped vision, and no cost to speak of."""
    swapped = scored(rows, np.full(len(values_db), swapped_db), name="pixels:swapped_vision")
    return Contestant(scored(rows, values_db), swapped, **({"latency_ms": 100.0, "size_bytes": 1000} | costs))
