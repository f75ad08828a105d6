"""Ideal masks and how a mask is applied (Zhao et al. 2018, section 3.2).

Axes: N sources, F frequency bins or rows, T spectrogram frames. Source magnitudes are those of the sources as they
stand in the mixture, i.e. after their gain and the division by N.
"""

import torch
from torch import Tensor

_QUIETEST = 1e-8  # far below the rounding noise of 16-bit sound: guards the division only


def binary_masks(magnitudes: Tensor) -> Tensor:
    """Mark each bin with the source that is loudest there.

    Args:
        magnitudes: (..., N, F, T), >= 0.

    Returns:
        One-hot over N, same shape and type; the lowest index wins a tie so that every bin has one owner.
    """
    owner = magnitudes.argmax(dim=-3, keepdim=True)
    return torch.zeros_like(magnitudes).scatter_(-3, owner, 1.0)


def ratio_masks(magnitudes: Tensor, mixture_magnitude: Tensor) -> Tensor:
    """Source over mixture, (..., N, F, T) from (..., N, F, T) and (..., F, T); above 1 where sources cancel."""
    return magnitudes / mixture_magnitude.unsqueeze(-3).clamp_min(_QUIETEST)


def apply(masks: Tensor, mixture_spectrum: Tensor) -> Tensor:
    """Spectra of N sources, (..., N, F, T) complex: the mixture's (..., F, T) scaled, its phase kept."""
    return masks * mixture_spectrum.unsqueeze(-3)
