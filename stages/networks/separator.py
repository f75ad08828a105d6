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
    def trunk(self) -> nn.Module:
        """The ResNet below the appearance network's last layer (Zhao et al. 2018, section 4.2)."""
        return self.appearance.trunk

    def forward(
        self,
        mixture_magnitude: Tensor,
        frames: Tensor,
        motion: Tensor | None = None,  # noqa: ARG002 - seen by other models
        change: Change | None = None,
    ) -> Tensor:
        """Mask logits (B, N, R, T) as `SeparatorNetwork` says; the appearance (B, N, K) is what `change` replaces."""
        appearance = self.appearance(frames.flatten(0, 1)).unflatten(0, frames.shape[:2])
        appearance = appearance if change is None else change.appearance(appearance)
        return self.synthesizer(appearance, self.audio(mixture_magnitude))
