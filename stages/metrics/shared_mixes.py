"""A mean difference between two estimators, with bounds that know that videos share mixes and mixes share videos.

Whatever makes one source of a mix come out better moves the others too, and a video stands in several mixes. Two mixes
are therefore taken as dependent when they have any video in common, and all others as independent: the dyadic case of
multiway clustering (Cameron, Gelbach and Miller 2011; Aronow, Samii and Assenova 2015). Clusters of videos alone would
miss half of what a mix's sources have in common.

Axes: R rows, M mixes, V videos.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.stats import t as student

from stages.metrics.summary import Columns

Floats = NDArray[np.float64]

_LEAST_FREE = 0.05  # of the variance, below which every mix shares a video with nearly every other


@dataclass(frozen=True, slots=True)
class Mean:
    """A mean over rows and its standard error, dB; bounds follow Student's t of so many degrees of freedom."""

    mean_db: float
    error_db: float
    degrees: float
    num_videos: int

    def lower_db(self, confidence: float) -> float:
        """One-sided lower bound: the true mean is above it in a share `confidence` of all draws of videos."""
        return self.mean_db - self._quantile(confidence) * self.error_db

    def upper_db(self, confidence: float) -> float:
        """One-sided upper bound."""
        return self.mean_db + self._quantile(confidence) * self.error_db

    def error_to_show_db(self, effect_db: float, *, confidence: float, power: float) -> float:
        """Largest standard error with which a true mean of `effect_db` has its lower bound above 0 so often."""
        return effect_db / (self._quantile(confidence) + self._quantile(power))

    def power(self, effect_db: float, *, confidence: float) -> float:
        """How often a true mean of `effect_db` would have its lower bound above 0, in [0, 1]."""
        if self.error_db == 0:
            return 1.0
        return float(student.cdf(effect_db / self.error_db - self._quantile(confidence), self.degrees))

    def _quantile(self, share: float) -> float:
        return float(student.ppf(share, self.degrees))


def members(columns: Columns) -> dict[str, frozenset[str]]:
    """Videos of each mix, from rows of all its sources."""
    found: dict[str, set[str]] = {}
    for mix_id, video_id in zip(columns["mix_id"], columns["video_id"], strict=True):
        found.setdefault(mix_id, set()).add(video_id)
    return {mix_id: frozenset(videos) for mix_id, videos in found.items()}


def estimate(values: Floats, rows: Columns, videos_of: Mapping[str, frozenset[str]]) -> Mean | None:
    """Mean over rows with its standard error.

    The variance is the largest of three: of mixes that share videos, of rows clustered by their own video, and of
    rows clustered by mix; the first, the one that is meant, is no sum of squares and can come out too small by chance.

    Args:
        values: (R,), dB, finite.
        rows: Their columns `mix_id` and `video_id`, (R,).
        videos_of: Videos of each mix, also of sources that have no row here.

    Returns:
        None for fewer than two videos, and where nearly all mixes share videos: neither says anything about others.
    """
    mixes, mix_of_row = np.unique(rows["mix_id"], return_inverse=True)
    own, video_of_row = np.unique(rows["video_id"], return_inverse=True)
    if len(own) < 2:
        return None
    mean_db, num_rows = float(values.mean()), len(values)
    shared = _shared(mixes.tolist(), videos_of)
    sizes = np.bincount(mix_of_row).astype(np.float64)
    # Residuals add up to 0, which hides the part of a variance that all mixes have in common.
    free = 1 - float(sizes @ shared @ sizes) / num_rows**2
    if free < _LEAST_FREE:
        return None
    by_mix = np.bincount(mix_of_row, values - mean_db)
    by_video = np.bincount(video_of_row, values - mean_db)
    correction = len(own) / (len(own) - 1)
    squares = max(
        float(by_mix @ shared @ by_mix) / free,
        float(by_mix @ by_mix) * len(mixes) / max(len(mixes) - 1, 1),
        float(by_video @ by_video) * correction,
    )
    # Satterthwaite: a sum over pairs that overlap is as uncertain as one over this many independent squares.
    degrees = min(len(own) - 1, 1 / (1 - free))
    return Mean(mean_db, float(np.sqrt(squares)) / num_rows, degrees, len(own))


def _shared(mixes: Sequence[str], videos_of: Mapping[str, frozenset[str]]) -> Floats:
    """1 where two mixes have a video in common, (M, M)."""
    column = {video: position for position, video in enumerate(sorted(set().union(*(videos_of[m] for m in mixes))))}
    incidence = np.zeros((len(mixes), len(column)))
    for row, mix_id in enumerate(mixes):
        incidence[row, [column[video] for video in videos_of[mix_id]]] = 1
    return (incidence @ incidence.T > 0).astype(np.float64)
