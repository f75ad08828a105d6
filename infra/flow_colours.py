"""The colour wheel in which flow is commonly shown: the hue is the direction, white is rest.

Baker et al., A Database and Evaluation Methodology for Optical Flow, IJCV 2011.
"""

import numpy as np
from numpy.typing import NDArray

# Clockwise on the screen from the right: where a pure colour stands on the wheel of 55 steps, and which.
_STOPS = (0, 15, 21, 25, 36, 49, 55)
_PURE = ((255, 0, 0), (255, 255, 0), (0, 255, 0), (0, 255, 255), (0, 0, 255), (255, 0, 255), (255, 0, 0))
_FASTER = 0.75  # brightness of what is faster than the full colour


def colours(flow: NDArray[np.floating], full_px: float) -> NDArray[np.uint8]:
    """Show displacements, (2, H, W) with u to the right and v down, as RGB (H, W, 3).

    Args:
        flow: Displacements, px.
        full_px: Length that is shown in the full colour.
    """
    speed = np.hypot(flow[0], flow[1]) / full_px
    along = np.mod(np.arctan2(flow[1], flow[0]) / (2 * np.pi), 1.0) * _STOPS[-1]
    hue = np.stack([np.interp(along, _STOPS, [pure[channel] for pure in _PURE]) for channel in range(3)], axis=-1)
    shown = np.where(speed[..., None] <= 1, 255 - speed[..., None] * (255 - hue), _FASTER * hue)
    return np.rint(shown).astype(np.uint8)


def wheel(side_px: int) -> NDArray[np.uint8]:
    """The wheel itself, RGBA (side_px, side_px, 4): each place shows the motion that leads there from the middle."""
    middle = (side_px - 1) / 2
    y, x = (np.indices((side_px, side_px)) - middle) / (side_px / 2)
    inside = np.clip((1 - np.hypot(x, y)) * side_px / 2 + 0.5, 0, 1)
    rgb = colours(np.stack([x, y]) / np.maximum(1, np.hypot(x, y)), 1.0)
    return np.concatenate([rgb, np.rint(255 * inside[..., None]).astype(np.uint8)], axis=-1)
