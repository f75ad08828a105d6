"""What a separator costs where it runs: time to take one mix apart, and the size of its weights."""

import time
from pathlib import Path
from typing import Literal

import torch

from stages.networks.frames import to_input
from stages.networks.separation import Separator
from stages.tracking.examples import Example

_REPEATS = 3


def latency_ms(separator: Separator, example: Example, *, mask: Literal["soft", "binary"]) -> float:
    """Wall time of separating one mix in one thread, the best of some after a first one; what it sees is at hand."""
    crop_px = separator.model.appearance.crop_px
    pictures = torch.stack([to_input(group, crop_px, generator=None) for group in example.frames])[None]
    motion = None if example.motion is None else torch.from_numpy(example.motion)[None]
    mixture = torch.from_numpy(example.mixture)[None]
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        return min(_once(separator, mixture, (pictures, motion), mask) for _ in range(1 + _REPEATS))
    finally:
        torch.set_num_threads(threads)


def size_bytes(separator_folder: Path) -> int:
    """Of a separator's weights."""
    return (separator_folder / "weights.safetensors").stat().st_size


def _once(
    separator: Separator,
    mixture: torch.Tensor,
    seen: tuple[torch.Tensor, torch.Tensor | None],
    mask: Literal["soft", "binary"],
) -> float:
    started_s = time.perf_counter()
    separator.separate(mixture, *seen, mask=mask)
    return (time.perf_counter() - started_s) * 1e3
