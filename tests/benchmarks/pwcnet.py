"""PWC-Net beside ptlflow's, both with the same random weights: `python -m tests.benchmarks.pwcnet [result.json]`.

Needs `pip install ptlflow` in an environment of its own: it is no dependency of the project. One thread, interleaved.
"""

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")

import tempfile
from collections.abc import Callable
from functools import partial
from importlib import import_module
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from stages.motion.pwcnet import PRESETS, PWCNet, estimate_flow, prepare
from stages.motion.weights import load
from stages.precision import Precision
from tests.benchmarks.timing import interleaved, tell

REPEATS = 7
SIZES = ((256, 256), (256, 448))  # height, width
CPU = torch.device("cpu")
SETTINGS: dict[str, tuple[Precision, bool]] = {
    "fp32": ("fp32", False),
    "fp32 channels_last": ("fp32", True),
    "bf16 channels_last": ("bf16", True),
}


def main() -> None:
    torch.set_num_threads(1)
    torch.manual_seed(1)
    theirs = import_module("ptlflow.models.pwcnet.pwcnet")
    # ptlflow's `pwcnet` and `pwcnet_nodc` are these two classes.
    networks: dict[str, nn.Module] = {"pwcnet": theirs.PWCDCNet().eval(), "pwcnet_nodc": theirs.PWCNet().eval()}
    examples = [compare(name, network, size) for name, network in networks.items() for size in SIZES]
    tell(
        {
            "threads": 1,
            "n": REPEATS,
            "torch": torch.__version__,
            "ptlflow": version("ptlflow"),
            "bf16 instructions": bf16_instructions(),
            "examples": examples,
        }
    )


def compare(name: str, theirs: nn.Module, size: tuple[int, int]) -> dict[str, Any]:
    """CPU ms of one pair by each method, their ratios to ptlflow's in fp32, and how far flows differ."""
    random = torch.Generator().manual_seed(2)
    first, second = torch.rand(1, 3, *size, generator=random), torch.rand(1, 3, *size, generator=random)
    images = torch.stack([first, second], dim=1).flip(2)  # ptlflow takes BGR

    def by_ptlflow(precision: Precision) -> Tensor:
        with torch.no_grad(), torch.autocast("cpu", torch.bfloat16, enabled=precision == "bf16"):
            return theirs({"images": images})["flows"]

    methods: dict[str, Callable[[], Tensor]] = {
        "ptlflow fp32": lambda: by_ptlflow("fp32"),
        "ptlflow bf16": lambda: by_ptlflow("bf16"),
    }
    nets = {f"ours {setting}": ready(same(theirs), setting) for setting in SETTINGS}
    if name == "pwcnet":
        nets |= {f"lite {setting}": ready(PWCNet(PRESETS["lite"]), setting) for setting in SETTINGS}
    methods |= {method: partial(estimate_flow, net, first, second) for method, net in nets.items()}
    spent = interleaved(methods, REPEATS)
    reference = spent["ptlflow fp32"]
    return {
        "ptlflow's": name,
        "height, width": size,
        "cpu_ms": {method: round(1e3 * value, 1) for method, value in spent.items()},
        "pairs_per_s": {method: round(1 / value, 2) for method, value in spent.items()},
        "ratio": {method: round(reference / value, 2) for method, value in spent.items()},
        "largest_difference_px": largest_difference(theirs, (first, second), images),
    }


def same(theirs: nn.Module) -> PWCNet:
    """Our network with ptlflow's weights, by way of a file."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "weights.pth"
        torch.save(theirs.state_dict(), path)
        return load("default", path)


def ready(net: PWCNet, setting: str) -> PWCNet:
    """In one of the settings."""
    precision, channels_last = SETTINGS[setting]
    return prepare(net, CPU, precision=precision, channels_last=channels_last, compiled=False)


@torch.no_grad()
def largest_difference(theirs: nn.Module, frames: tuple[Tensor, Tensor], images: Tensor) -> float:
    """Of both finest flows at quarter resolution, which ptlflow gives in training only, in units of 20 px."""
    expected = 20 * theirs.train()({"images": images})["flow_preds"][0]
    theirs.eval()
    return float((same(theirs)(*frames)[0] - expected).abs().max())


def bf16_instructions() -> list[str]:
    """What of the processor multiplies bf16: without any, bf16 is slower than fp32."""
    words = Path("/proc/cpuinfo").read_text(encoding="utf-8").split()
    return sorted({"amx_bf16", "avx512_bf16"} & set(words))


if __name__ == "__main__":
    main()
