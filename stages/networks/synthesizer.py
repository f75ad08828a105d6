"""Synthesizer (ASN; Zhao et al. 2018, section 3.1): combines audio maps as the picture says.

Axes: B mixtures, N sources of a mixture, K channels, R log-frequency rows, T spectrogram frames.
"""

import torch
from torch import Tensor, nn


class Synthesizer(nn.Module):
    """z_n = sum over k of v_nk s_k f_k + b, with K weights s and one bias b."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.scale = nn.Parameter(torch.ones(channels))
        self.bias = nn.Parameter(torch.zeros(1))

    def forward(self, appearance: Tensor, maps: Tensor) -> Tensor:
        """Mask logits (B, N, R, T) from appearance (B, N, K) and audio maps (B, K, R, T)."""
        mixed = (appearance * self.scale) @ maps.flatten(2)
        return mixed.unflatten(-1, maps.shape[2:]) + self.bias

    def over_time(self, seen: Tensor, maps: Tensor) -> Tensor:
        """Mask logits (B, N, R, T) from features that change over time, (B, N, T, K), and audio maps (B, K, R, T)."""
        return torch.einsum("bntk,bkrt->bnrt", seen * self.scale, maps) + self.bias
