"""Dense flow by OpenCV, on the CPU: Dense Inverse Search, which needs no weights, and a refinement of any flow.

The only door to OpenCV's optical flow. Axes: B pairs of H x W pixels, h x w cells of the grid.
"""

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from stages.motion.grid import reduce

TOOL = f"opencv {cv2.__version__}"
_SIDE_PX = 16  # smaller frames leave DIS no pyramid
_SMOOTHNESS = 10.0  # weight beside 5 of grey values and 10 of edges; OpenCV's own is 20


class DisEstimator:
    """Dense Inverse Search (Kroeger et al. 2016), preset "medium", on grey pictures.

    Pair by pair: what a pair gives does not depend on its batch.
    """

    def __init__(self) -> None:
        # DIS lets patches learn from their neighbours within a thread's stripe: more threads would give other flow.
        cv2.setNumThreads(1)
        self._search = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM)

    def __call__(self, first: Tensor, second: Tensor) -> Tensor:
        """Displacement of each cell from the first frames to the second.

        Args:
            first: RGB in [0, 1], (B, 3, H, W), float32; at least 16 x 16 px.
            second: Of the same shape.

        Returns:
            Right and down, px of the frame, (B, 2, h, w), float32: the mean over each cell's pixels.
        """
        if min(first.shape[-2:]) < _SIDE_PX:
            raise ValueError(f"DIS needs frames of at least {_SIDE_PX} x {_SIDE_PX} px, got {tuple(first.shape)}")
        flows = [self._search.calc(a, b, None) for a, b in zip(_grey(first), _grey(second), strict=True)]  # pyright: ignore[reportCallIssue, reportArgumentType] - its stub knows no None
        return reduce(torch.from_numpy(np.stack(flows)).permute(0, 3, 1, 2))


def refined(flow_px: Tensor, first: Tensor, second: Tensor) -> Tensor:
    """Flow moved to where grey pictures and their edges fit better and it is smoother (Brox et al. 2004).

    It looks at every pixel, where a network's cells are of four; what it finds is near to what it is given.

    Args:
        flow_px: Right and down, (B, 2, H, W), float32, on the CPU.
        first: RGB in [0, 1], (B, 3, H, W), float32.
        second: Of the same shape.

    Returns:
        (B, 2, H, W), float32, px; each pair's by itself.
    """
    cv2.setNumThreads(1)
    refinement = cv2.VariationalRefinement.create()
    refinement.setAlpha(_SMOOTHNESS)
    flows = flow_px.permute(0, 2, 3, 1).numpy().copy()
    for flow, a, b in zip(flows, _grey(first), _grey(second), strict=True):
        refinement.calc(a, b, flow)
    return torch.from_numpy(flows).permute(0, 3, 1, 2)


def _grey(frames: Tensor) -> list[NDArray[np.uint8]]:
    """(B, 3, H, W) in [0, 1] -> B pictures, (H, W), 0..255."""
    pictures = (frames * 255).round().to(torch.uint8).permute(0, 2, 3, 1).contiguous().numpy()
    return [cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY) for picture in pictures]  # pyright: ignore[reportReturnType]
