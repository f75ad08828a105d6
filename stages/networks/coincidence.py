"""Which motion begins when a sound does: a task that teaches the motion network before there are masks to learn.

The onset coincidence of `stages.metrics.coincidence` (after Barzelay & Schechner 2007, Harmony in motion) with what
counts as an onset of motion learnt: each cell says at each step how probable an onset of sound is, and the onsets heard
have a likelihood given each cell. Which cell makes the sound is unknown, so that all have the same prior and the
likelihood of a clip is their mean; its logarithm is a soft maximum of theirs.

Axes: M clips, N sounds, K_m features of motion, V steps, y x x cells, C = y x cells in a row, O onsets.
"""

import math

import torch
from torch import Tensor, nn
from torch.nn import functional

_REACH_S = 0.125  # an onset counts for steps as far away as this, less and less
_PRIOR = 0.15  # of an onset at a step, before anything is learnt


class OnsetNetwork(nn.Module):
    """How probable an onset of sound is at each cell and step; needed in training alone."""

    def __init__(self, features: int) -> None:
        super().__init__()
        self.last = nn.Conv3d(features, 1, 1)
        if self.last.bias is not None:
            nn.init.constant_(self.last.bias, math.log(_PRIOR / (1 - _PRIOR)))

    def forward(self, moves: Tensor) -> Tensor:
        """Logits (M, C, V) of motion (M, K_m, V, y, x)."""
        return self.last(moves)[:, 0].flatten(2).transpose(1, 2)


def onset_targets(onsets_s: Tensor, steps_s: Tensor) -> Tensor:
    """How much each step is one of an onset, (V,) in [0, 1]: 1 at its time, falling to 0 over 125 ms or one step.

    Args:
        onsets_s: Times of onsets, (O,), in any order.
        steps_s: Times of motion's steps on the same clock, (V,), evenly spaced.
    """
    if not len(onsets_s):
        return torch.zeros(len(steps_s))
    spacing_s = (steps_s[1] - steps_s[0]).item() if len(steps_s) > 1 else 0.0
    near = 1 - (onsets_s[:, None] - steps_s).abs() / max(_REACH_S, spacing_s)
    return near.clamp_min(0).amax(dim=0).float()


def log_likelihoods(logits: Tensor, targets: Tensor) -> Tensor:
    """Log-likelihood of each sound's onsets given each clip's motion, nats, (N, M).

    Of a cell: the sum over steps of a log p + (1 - a) log(1 - p) with a in [0, 1]; of a clip: the logarithm of the mean
    likelihood of its cells.

    Args:
        logits: Of p, (M, C, V).
        targets: a, (N, V).
    """
    cells = torch.einsum("nv,mcv->nmc", targets, logits) - functional.softplus(logits).sum(dim=-1)
    return cells.logsumexp(dim=-1) - math.log(logits.shape[1])
