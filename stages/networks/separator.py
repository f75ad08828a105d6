"""The whole model `pixels` (Zhao et al. 2018, figure 2).

Axes: B mixtures, N sources of a mixture, P frames of a clip, R log-frequency rows, T spectrogram frames.
"""

from collections.abc import Callable

import torch
from torch import Tensor, nn

from stages.networks.appearance import AppearanceNetwork
from stages.networks.spectrogram import AudioNetwork
from stages.networks.synthesizer import Synthesizer
from stages.params import Model

Change = Callable[[Tensor], Tensor]  # of appearance (B, N, K), before it meets the sound

# What a separator that looks must miss: nothing seen, or the same seen for every source of a mixture.
ABLATIONS: dict[str, Change] = {
    "zero_appearance": torch.zeros_like,
    "mean_appearance": lambda appearance: appearance.mean(dim=1, keepdim=True).expand_as(appearance),
}


class PixelsSeparator(nn.Module):
    """Looks at each source's frames, hears the mixture once, and says where each source sounds."""

    def __init__(self, model: Model) -> None:
        super().__init__()
        self.appearance = AppearanceNetwork(model.channels, model.appearance)
        self.audio = AudioNetwork(model.channels, levels=model.audio.levels, base_channels=model.audio.base_channels)
        self.synthesizer = Synthesizer(model.channels)

    def forward(self, mixture_magnitude: Tensor, frames: Tensor, change: Change | None = None) -> Tensor:
        """Mask logits (B, N, R, T).

        Args:
            mixture_magnitude: (B, 1, R, T), >= 0, on log-frequency rows.
            frames: (B, N, P, 3, H, W), normalised as `stages.networks.frames` does.
            change: Replaces the appearance, as one of ABLATIONS does.
        """
        appearance = self.appearance(frames.flatten(0, 1)).unflatten(0, frames.shape[:2])
        appearance = appearance if change is None else change(appearance)
        return self.synthesizer(appearance, self.audio(mixture_magnitude))
