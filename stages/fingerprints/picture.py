"""Finds the same picture in two videos, mirrored or not, from small normalised luma.

Axes: N pictures of one side, M of the other, D = 256 values.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

_SIDE_CELLS = 16
_FLAT = 3.0  # standard deviation of luma (0..255) below which a picture shows nothing: black, or fading


def signatures(frames: Sequence[NDArray[np.uint8]]) -> NDArray[np.float32]:
    """Mean luma of 16 x 16 cells of RGB frames, each (H, W, 3), with mean 0 and norm 1, (N, D); no flat ones."""
    cells = np.stack([_cells(frame) for frame in frames]).reshape(len(frames), -1)
    centred = cells - cells.mean(axis=1, keepdims=True)
    shown = centred[centred.std(axis=1) > _FLAT]
    return (shown / np.linalg.norm(shown, axis=1, keepdims=True)).astype(np.float32)


def shared_pictures(
    videos: Sequence[NDArray[np.float32]], groups: NDArray[np.int64], *, min_likeness: float
) -> NDArray[np.float64]:
    """What share of a video's pictures another video of a different group shows too.

    Args:
        videos: Signatures of N videos, each (n, D).
        groups: (N,); videos of one group are not compared.
        min_likeness: Correlation from which two pictures are one.

    Returns:
        (P, 3): both videos, the lower index first, and the larger of both shares, for each pair with any.
    """
    seen = [video for video, pictures in enumerate(videos) if len(pictures)]
    if not seen:
        return np.zeros((0, 3))
    everything = np.concatenate([videos[video] for video in seen])
    starts = np.cumsum([0, *(len(videos[video]) for video in seen[:-1])])
    best: dict[tuple[int, int], float] = {}
    for video in seen:
        found = _likeness_NM(videos[video], everything) >= min_likeness
        shares = np.logical_or.reduceat(found, starts, axis=1).mean(axis=0)
        for other, share in zip(seen, shares.tolist(), strict=True):
            pair = (min(video, other), max(video, other))
            if share and groups[video] != groups[other]:
                best[pair] = max(share, best.get(pair, 0.0))
    return np.array([(*pair, share) for pair, share in sorted(best.items())]).reshape(-1, 3)


def _likeness_NM(some: NDArray[np.float32], others: NDArray[np.float32]) -> NDArray[np.float32]:  # noqa: N802
    """Correlation of each picture with each other picture or with its mirror image, whichever is higher."""
    mirrored = some.reshape(-1, _SIDE_CELLS, _SIDE_CELLS)[:, :, ::-1].reshape(some.shape)
    return np.maximum(some @ others.T, mirrored @ others.T)


def _cells(frame: NDArray[np.uint8]) -> NDArray[np.float64]:
    """Mean luma of a grid of cells over a frame of any shape."""
    luma = frame @ np.array([0.299, 0.587, 0.114])
    rows = np.linspace(0, luma.shape[0], _SIDE_CELLS + 1).astype(int)
    columns = np.linspace(0, luma.shape[1], _SIDE_CELLS + 1).astype(int)
    sums = np.add.reduceat(np.add.reduceat(luma, rows[:-1], axis=0), columns[:-1], axis=1)
    return sums / np.outer(np.diff(rows), np.diff(columns))
