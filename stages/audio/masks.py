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


def binary_gates(magnitudes: Tensor) -> Tensor:
    """Give each frame whole to the source with the most energy in it, (..., N, 1, T) from (..., N, F, T).

    One-hot over N, as `binary_masks`.
    """
    return binary_masks(magnitudes.square().sum(dim=-2, keepdim=True))


def ratio_gates(magnitudes: Tensor, mixture_magnitude: Tensor) -> Tensor:
    """Level of the source over that of the mixture in each frame, (..., N, 1, T); above 1 where sources cancel."""
    levels, of_mixture = (heard.square().sum(dim=-2, keepdim=True).sqrt() for heard in (magnitudes, mixture_magnitude))
    return ratio_masks(levels, of_mixture)


def best_gates(spectra: Tensor, mixture_spectrum: Tensor) -> Tensor:
    """The gain >= 0 for each frame of the mixture that comes closest to the source, in least squares, (..., N, 1, T).

    Args:
        spectra: Of the sources as they stand in the mixture, complex (..., N, F, T).
        mixture_spectrum: Complex (..., F, T).
    """
    mixture = mixture_spectrum.unsqueeze(-3)
    common = (mixture.conj() * spectra).real.sum(dim=-2, keepdim=True)
    return common.clamp_min(0) / mixture.abs().square().sum(dim=-2, keepdim=True).clamp_min(_QUIETEST**2)


def apply(masks: Tensor, mixture_spectrum: Tensor) -> Tensor:
    """Spectra of N sources, (..., N, F, T) complex: the mixture's (..., F, T) scaled, its phase kept.

    Masks are (..., N, F, T), or (..., N, 1, T) for one gain a frame.
    """
    return masks * mixture_spectrum.unsqueeze(-3)
