"""The whole model `pixels` (Zhao et al. 2018, figure 2).

Axes: B mixtures, N sources of a mixture, P frames of a clip, R log-frequency rows, T spectrogram frames.
"""

from torch import Tensor, nn

from stages.networks.appearance import AppearanceNetwork
from stages.networks.network import Change, SeparatorNetwork
from stages.networks.spectrogram import AudioNetwork
from stages.networks.synthesizer import Synthesizer
from stages.separators import Pixels


class PixelsSeparator(SeparatorNetwork):
    """Looks at each source's frames, whatever moves."""

    ablations = ("zero_appearance", "mean_appearance")

    def __init__(self, model: Pixels) -> None:
        super().__init__()
        self.appearance = AppearanceNetwork(model.channels, model.appearance)
        self.audio = AudioNetwork(model.channels, levels=model.audio.levels, base_channels=model.audio.base_channels)
        self.synthesizer = Synthesizer(model.channels)

    @property
    def describer(self) -> AppearanceNetwork:
        """The appearance network."""
        return self.appearance

    @property
    def moving(self) -> int:
        """None, whatever moves."""
        return 0

    @property
    def trunk(self) -> nn.Module:
        """The ResNet below the appearance network's last layer (Zhao et al. 2018, section 4.2)."""
        return self.appearance.trunk

    def describe(self, frames: Tensor, motion: Tensor | None, change: Change) -> Tensor:  # noqa: ARG002 - seen by others
        """Appearance (B, N, K) in (0, 1)."""
        return change.appearance(self.appearance(frames.flatten(0, 1)).unflatten(0, frames.shape[:2]))

    def moves(self, motion: Tensor | None) -> Tensor:  # noqa: ARG002 - seen by others
        """Refuses: there is nothing to give."""
        raise ValueError("this separator looks at pictures alone")

    def describe_cells(self, frames: Tensor, motion: Tensor | None, most: int) -> Tensor:  # noqa: ARG002 - seen by others
        """Appearance of each cell, (B, N, G, G, K)."""
        return self.appearance.alone(frames.flatten(0, 1), most).unflatten(0, frames.shape[:2])

    def logits(self, mixture_magnitude: Tensor, seen: Tensor) -> Tensor:
        """Mask logits (B, N, R, T) from appearance (B, N, K)."""
        return self.synthesizer(seen, self.audio(mixture_magnitude))
