"""How motion steers sound: features over time scale and shift the maps of the audio network (Perez et al. 2018).

The paper ("The Sound of Motions", section 3.1) aligns the two in time without a word on how. Here both have true times:
motion that of the middle between two pictures, sound that of the centre of its window.

Axes: B mixtures, N sources of a mixture, T visual steps, A steps of the audio network's map, R its rows, K_v visual
features, C channels of the map.
"""

from collections.abc import Sequence

import torch
from torch import Tensor, nn


class Film(nn.Module):
    """gamma * map + beta, each a linear layer of the visual features; gamma begins around 1, beta around 0."""

    def __init__(self, features: int, channels: int) -> None:
        super().__init__()
        self.gamma = nn.Linear(features, channels)
        self.beta = nn.Linear(features, channels)
        nn.init.ones_(self.gamma.bias)
        nn.init.zeros_(self.beta.bias)

    def forward(self, maps: Tensor, seen: Tensor) -> Tensor:
        """(B, N, C, R, A) from maps (B or 1 x B, N or 1, C, R, A) and features (B, N, A, K_v) at the maps' times."""
        gamma, beta = (layer(seen).transpose(-1, -2)[..., None, :] for layer in (self.gamma, self.beta))
        return gamma * maps + beta


def visual_times_s(num_steps: int, *, first_s: float, rate_hz: float, average_steps: int) -> Tensor:
    """Times of motion steps, (T,), each the mean of `average_steps` moments that begin at `first_s`, 1 / rate apart."""
    moments = torch.arange(num_steps * average_steps, dtype=torch.float64) / rate_hz + first_s
    return moments.unflatten(0, (num_steps, average_steps)).mean(dim=1)


def audio_times_s(num_steps: int, *, hop_s: float, strides: Sequence[int]) -> Tensor:
    """Times of the steps of a map, (A,), after convolutions with these strides over spectrogram frames `hop_s` apart.

    Frame k is centred at k * hop_s. A convolution 4 wide with stride 2 and padding 1 looks at 2j - 1 to 2j + 2 for its
    step j, whose middle is 2j + 1/2; one 3 wide with stride 1 keeps the times.
    """
    spacing, offset = 1.0, 0.0
    for stride in strides:
        offset += spacing * (stride - 1) / 2
        spacing *= stride
    return hop_s * (offset + spacing * torch.arange(num_steps, dtype=torch.float64))


def alignment(visual_s: Tensor, audio_s: Tensor) -> Tensor:
    """Weights (A, T), rows of sum 1, that bring visual steps at times (T,) to audio steps at times (A,), both even.

    A triangle as wide as the coarser of the two spacings: linear interpolation where sound is finer, a weighted mean of
    all visual steps around where it is coarser, so that none is skipped. Beyond the first and last step they hold.
    """
    if len(visual_s) == 1:
        return torch.ones(len(audio_s), 1)
    spacing = visual_s[1] - visual_s[0]
    reach = max(spacing, audio_s[1] - audio_s[0]) if len(audio_s) > 1 else max(spacing, audio_s[0])
    wanted = audio_s.clamp(visual_s[0], visual_s[-1])
    weights = (1 - (wanted[:, None] - visual_s).abs() / reach).clamp_min(0)
    return (weights / weights.sum(dim=1, keepdim=True)).float()
