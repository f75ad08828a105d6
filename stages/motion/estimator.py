"""Who estimates flow: the declared backend and nobody else, built from params.yaml.

Axes: B pairs of H x W pixels, h x w cells of the grid.
"""

from pathlib import Path
from typing import Any, Protocol

import torch
from torch import Tensor

from stages.motion.grid import reduce
from stages.motion.opencv_flow import TOOL, DisEstimator, refined
from stages.motion.pwcnet import PWCNet, estimate_flow, estimate_quarter_flow, prepare
from stages.motion.weights import SHIPPED, load, load_shipped
from stages.params import Flow
from stages.precision import choose_precision
from stages.shards.flow_origin import FlowOrigin


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


class PwcNetEstimator:
    """Flow by PWC-Net, on the GPU or the CPU, refined on the CPU."""

    def __init__(self, flow: Flow, origin: FlowOrigin, folder: Path) -> None:
        torch.set_num_threads(max(1, int(flow.num_cpus)))
        self._looks, self._refined = flow.looks, flow.refined
        net = _load(flow, folder, origin.weights_sha256)
        self._net = prepare(
            net,
            torch.device(origin.device),
            precision=origin.precision or "fp32",
            channels_last=flow.channels_last,
            compiled=flow.compile,
        )

    def __call__(self, first: Tensor, second: Tensor) -> Tensor:
        """As `FlowEstimator` says."""
        if not self._refined:
            return estimate_quarter_flow(self._net, first, second, self._looks).cpu()
        return reduce(refined(estimate_flow(self._net, first, second, self._looks).cpu(), first, second))


def find_origin(flow: Flow, folder: Path) -> FlowOrigin:
    """Who will compute the flow of these params on this machine.

    Args:
        flow: Backend, and what it needs.
        folder: Of weights.
    """
    if flow.backend == "dis":
        return FlowOrigin("dis", weights_sha256=None, weights_licence=None, tool=TOOL, device="cpu")
    known = _load(flow, folder, None).origin
    assert known is not None
    device = flow.device if flow.device != "auto" else "cuda" if torch.cuda.is_available() else "cpu"
    return FlowOrigin(
        "pwcnet",
        known.sha256,
        known.licence,
        tool=f"torch {torch.__version__}{f', refined by {TOOL}' if flow.refined else ''}",
        device=device,
        precision=choose_precision(flow.precision, torch.device(device)),
    )


def deciding(flow: Flow) -> dict[str, Any]:
    """Those params on which the bytes of a flow depend: not who shares a core with whom.

    A network sums in another order for another batch or more threads; DIS takes pair by pair in one thread.
    """
    if flow.backend == "dis":
        return flow.model_dump(include={"backend", "consistency"})
    return flow.model_dump(exclude={"weights", "device", "precision", "num_gpus"})


def build(flow: Flow, origin: FlowOrigin, folder: Path) -> FlowEstimator:
    """The estimator of the declared backend; `WeightsError` where the weights are no longer those of the origin."""
    return DisEstimator() if flow.backend == "dis" else PwcNetEstimator(flow, origin, folder)


def _load(flow: Flow, folder: Path, expected_sha256: str | None) -> PWCNet:
    """The network that params name; `WeightsError` where its weights have another hash than expected."""
    if flow.weights == SHIPPED:
        return load_shipped(flow.preset)
    return load(flow.preset, _weights(flow, folder), expected_sha256=expected_sha256)


def _weights(flow: Flow, folder: Path) -> Path:
    path = folder / (flow.weights or "")
    if not path.is_file():
        there = ", ".join(sorted(found.name for found in folder.glob("*") if found.suffix != ".md")) or "nothing"
        raise FileNotFoundError(
            f"{path}: not found; flow.weights names a file of {folder}/, where there is {there}, or says {SHIPPED}"
        )
    return path
