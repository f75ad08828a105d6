"""Plane affine maps over time, for rigid parts.

An affine is a (..., 2, 3) array [[a, b, x], [c, d, y]]; leading axes are frames. Scene units: 100 are the picture's
height; x to the right, y down; angles in degrees, clockwise on the screen.
"""

import numpy as np
from numpy.typing import ArrayLike, NDArray

Affine = NDArray[np.float64]
Values = NDArray[np.float64]


def place(
    x: ArrayLike, y: ArrayLike, angle: ArrayLike = 0.0, *, scale: tuple[ArrayLike, ArrayLike] = (1.0, 1.0)
) -> Affine:
    """Scale, rotate, then move the origin to (x, y); all arguments broadcast."""
    x, y, angle, along, across = np.broadcast_arrays(x, y, np.deg2rad(angle), *scale)
    cos, sin = np.cos(angle), np.sin(angle)
    rows = [np.stack([along * cos, -across * sin, x], -1), np.stack([along * sin, across * cos, y], -1)]
    return np.stack(rows, -2).astype(np.float64)


def compose(*affines: Affine) -> Affine:
    """The map that applies the last one first, as in a product of matrices."""
    result = np.asarray(affines[0], np.float64)
    for inner in affines[1:]:
        linear = result[..., :2] @ inner[..., :2]
        offset = (result[..., :2] @ inner[..., 2:]) + result[..., 2:]
        result = np.concatenate([linear, offset], -1).astype(np.float64)
    return result


def invert(affine: Affine) -> Affine:
    """The inverse map."""
    linear = np.linalg.inv(affine[..., :2])
    return np.concatenate([linear, -linear @ affine[..., 2:]], -1).astype(np.float64)


def apply(affine: Affine, x: ArrayLike, y: ArrayLike) -> tuple[Values, Values]:
    """Image of the points (x, y), which broadcast against the leading axes."""
    x, y = np.asarray(x), np.asarray(y)
    return (
        affine[..., 0, 0] * x + affine[..., 0, 1] * y + affine[..., 0, 2],
        affine[..., 1, 0] * x + affine[..., 1, 1] * y + affine[..., 1, 2],
    )


def bone(start: tuple[ArrayLike, ArrayLike], end: tuple[ArrayLike, ArrayLike], length: float) -> Affine:
    """Lay a limb drawn from (0, 0) to (length, 0) between two points, stretched to fit (seen foreshortened)."""
    x0, y0, x1, y1 = np.broadcast_arrays(*start, *end)
    span = np.hypot(x1 - x0, y1 - y0)
    return place(x0, y0, np.rad2deg(np.arctan2(y1 - y0, x1 - x0)), scale=(span / length, 1.0))


def elbow(
    shoulder: tuple[ArrayLike, ArrayLike],
    hand: tuple[ArrayLike, ArrayLike],
    lengths: tuple[float, float],
    *,
    bend: float,
) -> tuple[Values, Values]:
    """Where the elbow lies; `bend` +1 or -1 picks the side, and a hand out of reach gives a straight, stretched arm."""
    sx, sy, hx, hy = (np.asarray(value, np.float64) for value in np.broadcast_arrays(*shoulder, *hand))
    upper, lower = lengths
    distance = np.maximum(np.hypot(hx - sx, hy - sy), 1e-6)
    along = np.where(
        distance < upper + lower,
        (upper**2 - lower**2 + distance**2) / (2 * distance),
        distance * upper / (upper + lower),
    )
    aside = np.sqrt(np.maximum(upper**2 - along**2, 0.0)) * np.where(distance < upper + lower, bend, 0.0)
    ux, uy = (hx - sx) / distance, (hy - sy) / distance
    return sx + along * ux - aside * uy, sy + along * uy + aside * ux
