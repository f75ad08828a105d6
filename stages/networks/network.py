"""What all separators have in common, whatever they look at.

Axes: B mixtures, N sources of a mixture, P frames of a clip, H x W pixels, C channels of motion, V its steps, X cells
of its square, R log-frequency rows, T spectrogram frames.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from stages.networks.appearance import AppearanceNetwork


def _kept(features: Tensor) -> Tensor:
    return features


def _mean(features: Tensor) -> Tensor:
    return features.mean(dim=1, keepdim=True).expand_as(features)


@dataclass(frozen=True, slots=True)
class Change:
    """Of features (B, N, ...), before they meet anything else."""

    appearance: Callable[[Tensor], Tensor] = _kept
    motion: Callable[[Tensor], Tensor] = _kept


# What a separator that looks must miss: nothing seen, or the same seen for every source of a mixture.
ABLATIONS = {
    "zero_appearance": Change(appearance=torch.zeros_like),
    "mean_appearance": Change(appearance=_mean),
    "zero_motion": Change(motion=torch.zeros_like),
    "mean_motion": Change(motion=_mean),
}


class SeparatorNetwork(nn.Module, ABC):
    """Looks at each source, hears the mixture once, and says where each source sounds."""

    ablations: tuple[str, ...]  # names of those of ABLATIONS that change what this network sees

    @property
    @abstractmethod
    def describer(self) -> AppearanceNetwork | None:
        """What describes pictures, and can be taught to beforehand; None where none are seen."""

    @property
    @abstractmethod
    def moving(self) -> int:
        """K_m, features of motion; 0 where none is seen."""

    @property
    @abstractmethod
    def trunk(self) -> nn.Module:
        """What learns at `optimizer.appearance_rate`."""

    def forward(
        self, mixture_magnitude: Tensor, frames: Tensor, motion: Tensor | None = None, change: Change | None = None
    ) -> Tensor:
        """Mask logits (B, N, R, T).

        Args:
            mixture_magnitude: (B, 1, R, T), >= 0, on log-frequency rows.
            frames: (B, N, P, 3, H, W), normalised as `stages.networks.frames` does.
            motion: (B, N, C, V, X, X) as `stages.networks.sight` gives; None where the model sees none.
            change: Replaces features, as one of ABLATIONS does.
        """
        return self.logits(mixture_magnitude, self.describe(frames, motion, change or Change()))

    @abstractmethod
    def describe(self, frames: Tensor, motion: Tensor | None, change: Change) -> Tensor:
        """What is seen of each source, (B, N, ...), for what `forward` takes."""

    @abstractmethod
    def moves(self, motion: Tensor | None) -> Tensor:
        """Motion by cell and step, (B, N, K_m, V, y, x); ValueError where none is seen, or none is given."""

    @abstractmethod
    def describe_cells(self, frames: Tensor, motion: Tensor | None, most: int) -> Tensor:
        """The same, (B, N, G, G, ...), of each cell of the square as if nothing else were seen.

        G is the side of the network's own map before pooling over space; where that is more than `most`, neighbouring
        cells are pooled as the network pools all of them.
        """

    @abstractmethod
    def logits(self, mixture_magnitude: Tensor, seen: Tensor) -> Tensor:
        """Mask logits (B, N, R, T) from descriptions (B, N, ...); no source's depend on what is seen of another."""
