"""Making mixtures. Axes: N sources, S samples."""

import torch
from torch import Tensor


def mix(sources: Tensor) -> Tensor:
    """Mean of N waveforms, (..., N, S) -> (..., S) (Zhao et al. 2018, section 3.2)."""
    return sources.mean(dim=-2)


def draw_gains(num: int, low: float, high: float, generator: torch.Generator) -> Tensor:
    """Linear gains, (num,), uniform in [low, high)."""
    return low + (high - low) * torch.rand(num, generator=generator)
