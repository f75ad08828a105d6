"""Who estimates flow: the declared backend and nobody else, built from params.yaml.

Axes: B pairs of H x W pixels, h x w cells of the grid.
"""

from dataclasses import dataclass
from typing import Any, Protocol

from torch import Tensor

from stages.params import Flow


class FlowEstimator(Protocol):
    """Estimates the flow of pairs of frames; slow to build, so built once a worker."""

    def __call__(self, first: Tensor, second: Tensor) -> Tensor:
        """Displacements from the first frames to the second, on the quarter grid.

        Args:
            first: RGB in [0, 1], (B, 3, H, W), float32, on the CPU.
            second: Of the same shape.

        Returns:
            Right and down, px of the full frame, (B, 2, h, w), float32, on the CPU.
        """
        ...


@dataclass(frozen=True, slots=True)
class Origin:
    """Whom a flow is by."""

    backend: str
    weights_sha256: str | None  # None where the backend has none
    weights_licence: str | None
    tool: str  # the library that computes it, with its version
    device: str  # cpu or cuda

    def __str__(self) -> str:
        licence = f", weights {self.weights_sha256[:12]}, {self.weights_licence}" if self.weights_sha256 else ""
        return f"{self.backend} ({self.tool}, {self.device}{licence})"


def find_origin(flow: Flow) -> Origin:
    """What will compute the flow of these params on this machine, without building it."""
    from stages.motion.dis import TOOL

    return Origin(flow.backend, weights_sha256=None, weights_licence=None, tool=TOOL, device="cpu")


def deciding(flow: Flow) -> dict[str, Any]:
    """Those params on which the bytes of a flow depend: not who shares a core with whom.

    Batches and threads decide where a network sums in another order for another batch; DIS takes pair by pair.
    """
    if flow.backend == "dis":
        return flow.model_dump(include={"backend", "consistency"})
    return flow.model_dump(exclude={"weights", "device", "num_gpus"})


def build(flow: Flow, device: str) -> FlowEstimator:
    """The estimator of the declared backend.

    Args:
        flow: Backend, and what it needs.
        device: cpu or cuda, from `find_origin`.
    """
    from stages.motion.dis import DisEstimator

    return DisEstimator()
