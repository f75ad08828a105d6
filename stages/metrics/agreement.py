"""Whether a separator hears a sound where it is seen to begin: the volume it gives each cell against coinciding onsets.

Volumes are those of `stages.metrics.volumes`. They are held against the rank 2 a'v - 1'v of
`stages.metrics.coincidence`, which orders a clip's cells as their log-likelihood does.

Axes: G x G cells of the square that a separator sees.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.stats import spearmanr
from torch import Tensor
from torch.nn import functional

from stages.metrics.bootstrap import Floats, clustered_interval

_DECIMALS = 6


@dataclass(frozen=True, slots=True)
class ClipAgreement:
    """Spearman's rank correlation over cells of a clip's volume with the map of its own sound, and with that of the
    mix's next source, which tells how much is due to where players stand; None where all cells of either are alike.
    """

    clip_id: str
    video_id: str
    own: float | None
    other: float | None


def agree(volume: Tensor, ranks: Tensor) -> float | None:
    """Spearman's correlation over cells of a volume (G, G) with ranks at points, whose mean over each cell is taken.

    Equal cells share the mean of their places; None where all are equal.
    """
    expected = functional.adaptive_avg_pool2d(ranks[None, None], volume.shape[-1])[0, 0]
    if volume.min() == volume.max() or expected.min() == expected.max():
        return None
    found, _ = spearmanr(volume.flatten().double().numpy(), expected.flatten().double().numpy())
    return round(np.asarray(found, dtype=np.float64).item(), _DECIMALS)


def mean_agreement(found: Sequence[ClipAgreement]) -> float | None:
    """Mean correlation with the own sound's map; None where there is none."""
    known = [clip.own for clip in found if clip.own is not None]
    return sum(known) / len(known) if known else None


def summarise_agreement(
    found: Sequence[ClipAgreement], start: Sequence[ClipAgreement], *, resamples: int, seed: int
) -> dict[str, Any]:
    """Means over clips with 95 % intervals clustered by video.

    Args:
        found: After a phase.
        start: Of the same clips in the same order, before anything was learnt.
        resamples: Of the bootstrap.
        seed: Of the bootstrap.

    Returns:
        `own`, `other`, `over_other` (own less other, clip by clip) and `gain` (own less that at the start), each with
        `_low` and `_high` (None for fewer than two videos); counts `n` clips, `n_videos`, `flat` (left out: their
        volumes, at the start or now, or maps are alike everywhere).
    """
    pairs = [(now, then) for now, then in zip(found, start, strict=True) if None not in (now.own, now.other, then.own)]
    values = np.array([[now.own, now.other, then.own] for now, then in pairs], dtype=np.float64).reshape(-1, 3)
    own, other, before = values.T
    columns = {"own": own, "other": other, "over_other": own - other, "gain": own - before}
    videos = [now.video_id for now, _ in pairs]
    table = np.stack(list(columns.values()), axis=1)
    interval = clustered_interval(table, videos, resamples=resamples, seed=seed)
    counts = {"n": len(pairs), "n_videos": len(set(videos)), "flat": len(found) - len(pairs)}
    return _rounded(dict(zip(columns, table.T, strict=True)), interval) | counts


def _rounded(columns: Mapping[str, Floats], interval: Floats | None) -> dict[str, float | None]:
    means: dict[str, float | None] = {}
    for place, (name, values) in enumerate(columns.items()):
        low, high = (None, None) if interval is None else interval[:, place].tolist()
        ends = {name: values.mean() if len(values) else None, f"{name}_low": low, f"{name}_high": high}
        means |= {key: None if value is None else round(float(value), _DECIMALS) + 0.0 for key, value in ends.items()}
    return means
