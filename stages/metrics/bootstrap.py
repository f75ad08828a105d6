"""Bootstrap intervals clustered by source video: clips of one video are alike, so whole videos are drawn.

Axes: M rows, V videos, B resamples, Q quantities.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

CONFIDENCE = 0.95

Floats = NDArray[np.float64]


def clustered_interval(values: Floats, clusters: Sequence[str], *, resamples: int, seed: int) -> Floats | None:
    """Percentile interval of the mean over rows when clusters are drawn with replacement.

    Args:
        values: (M, Q), finite.
        clusters: Each row's cluster, (M,); its video.
        resamples: B.
        seed: Of the drawing; equal seeds draw equal clusters, so that quantities and estimators are compared in pairs.

    Returns:
        Lower and upper ends, (2, Q); None for fewer than two clusters, which say nothing about other videos.
    """
    means = resampled_means(values, clusters, resamples=resamples, seed=seed)
    if means is None:
        return None
    tail = (1 - CONFIDENCE) / 2
    return np.quantile(means, [tail, 1 - tail], axis=0)


def resampled_means(values: Floats, clusters: Sequence[str], *, resamples: int, seed: int) -> Floats | None:
    """Means over rows, (B, Q), when clusters are drawn with replacement; see `clustered_interval`."""
    names, cluster_of_row = np.unique(np.asarray(clusters), return_inverse=True)
    num_clusters = len(names)
    if num_clusters < 2:
        return None
    sizes = np.bincount(cluster_of_row)
    sums = np.zeros((num_clusters, values.shape[1]))
    np.add.at(sums, cluster_of_row, values)
    draws = np.random.default_rng(seed).integers(num_clusters, size=(resamples, num_clusters))
    offsets = np.arange(resamples)[:, None] * num_clusters
    weights = np.bincount((draws + offsets).ravel(), minlength=resamples * num_clusters).reshape(resamples, -1)
    return (weights @ sums) / (weights @ sizes)[:, None]
