"""What the masks should be and how far they are from it (Zhao et al. 2018, section 3.2).

Axes: B mixtures, N sources of a mixture, S samples, R log-frequency rows, T spectrogram frames.
"""

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from stages.audio import masks
from stages.audio.logfreq import LogFrequency
from stages.audio.stft import Stft
from stages.networks.separation import Target, activate
from stages.separators import Head
from stages.training.ranks import ALONE, Ranks

# A ratio is unbounded where sources cancel; such bins are quiet, so that their weight is small, but not bounded either.
_HIGHEST_RATIO = 5.0


@dataclass(frozen=True, slots=True)
class Spectra:
    """Magnitudes on log-frequency rows."""

    mixture: Tensor  # (B, R, T)
    sources: Tensor  # (B, N, R, T), as they stand in the mixture


def spectra(sources: Tensor, stft: Stft, rows: LogFrequency) -> Spectra:
    """Magnitudes of sources (B, N, S) and of their sum; the transform is linear, so the mixture needs none."""
    transformed = stft(sources)
    return Spectra(rows.warp(transformed.sum(dim=1).abs()), rows.warp(transformed.abs()))


def correspondence_loss(fits: Tensor) -> Tensor:
    """Cross-entropy of finding, by fits (M, M), each sound's own picture, and each picture's own sound; a scalar."""
    own = torch.arange(len(fits), device=fits.device)
    return (functional.cross_entropy(fits, own) + functional.cross_entropy(fits.T, own)) / 2


def coincidence_loss(fits: Tensor, num_steps: int) -> Tensor:
    """Minus the mean log-likelihood, nats a step, of each sound given its own clip's motion, of fits (M, M); a scalar.

    Nothing draws it away from the sound of other clips, and nothing need: on rendered performances the likelihood
    alone does not fall back to the rate of onsets, and tells sounds apart better than with the contrast of
    `correspondence_loss`, which makes it too sure of itself (docs/coincidence.md).
    """
    return -fits.diagonal().mean() / num_steps


def mask_loss(logits: Tensor, heard: Spectra, target: Target, head: Head, *, ranks: Ranks = ALONE) -> Tensor:
    """Distance of mask logits (B, N, R, T) from the ideal masks; a scalar, of several ranks this one's part of it.

    Cross-entropy on logits for binary masks, of each bin's owner among the N sources where they compete for it;
    absolute difference for ratios. Bins weigh log1p(mixture magnitude), normalised by the sum of the weights, those of
    other ranks' mixtures included.
    """
    weights = torch.log1p(heard.mixture)[:, None]
    if head == "competitive":
        owner = heard.sources.max(dim=1).indices  # as argmax, at a tenth of its time
        distance = functional.cross_entropy(logits, owner, reduction="none")[:, None]
    elif target == "binary":
        ideal = masks.binary_masks(heard.sources)
        distance = functional.binary_cross_entropy_with_logits(logits, ideal, reduction="none")
    else:
        ideal = masks.ratio_masks(heard.sources, heard.mixture).clamp_max(_HIGHEST_RATIO)
        distance = (activate(logits, target, head) - ideal).abs()
    return (weights * distance).sum() / ranks.summed(weights.expand_as(distance).sum())
