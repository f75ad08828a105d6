"""Where appearance and motion meet (Zhao et al. 2019, section 3.1): who looks like a player tells whose motion counts.

Axes: M clips, K_m motion features, K_a appearance features, T steps, y x x cells of motion, h x w cells of appearance,
K_v fused features.
"""

from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional

from stages.networks.cells import coarse
from stages.networks.trajectory import Filter
from stages.separators import Fusion


class FusionNetwork(nn.Module):
    """Gates motion by what is seen in the first frame, joins the two, and keeps the strongest cell of each step.

    Args:
        moving: K_m, 0 without motion.
        seen: K_a, 0 without appearance.
        side: x, cells of the motion network's map.
        settings: Rule and widths.
    """

    def __init__(self, moving: int, seen: int, side: int, settings: Fusion) -> None:
        super().__init__()
        self.attention = nn.Conv2d(seen, 1, 1) if settings.rule == "attention" and moving else None
        self.places = nn.Parameter(torch.randn(settings.place_channels, side, side) / 10)
        inputs = moving + seen + settings.place_channels
        widths = [inputs, *[settings.channels] * settings.convolutions]
        self.joined = nn.Sequential(*(Filter(before, after, (1, 3, 3)) for before, after in pairwise(widths)))
        later = [
            nn.Sequential(nn.Conv1d(settings.channels, settings.channels, 3, padding=1), nn.ReLU())
            for _ in range(settings.time_convolutions)
        ]
        self.later = nn.Sequential(*later)

    def forward(self, moving: Tensor | None, seen: Tensor | None) -> Tensor:
        """Features (M, K_v, T) of motion (M, K_m, T, y, x) and appearance (M, K_a, h, w); T is 1 without motion."""
        fused = self._cells(moving, seen)
        return self.later(fused.amax(dim=(-2, -1)))  # over space alone: when something moves is what sound follows

    def alone(self, moving: Tensor | None, seen: Tensor | None, most: int) -> Tensor:
        """The same of each cell, (M, G, G, K_v, T), as if it were the strongest at every step.

        Groups of cells, of which the strongest counts, where there are more than `most` a side.
        """
        fused = self._cells(moving, seen)
        few = coarse(fused.flatten(1, 2), most, "max").unflatten(1, fused.shape[1:3]).permute(0, 3, 4, 1, 2)
        return self.later(few.flatten(0, 2)).unflatten(0, few.shape[:3])

    def _cells(self, moving: Tensor | None, seen: Tensor | None) -> Tensor:
        """(M, K_v, T, y, x)."""
        parts: list[Tensor] = []
        side, steps = self.places.shape[-1], 1 if moving is None else moving.shape[2]
        if seen is not None:
            looks = functional.adaptive_avg_pool2d(seen, side)  # of the cells that a cell of motion covers
            if moving is not None and self.attention is not None:
                moving = moving * self.attend(looks)[:, :, None]
            parts.append(looks[:, :, None].expand(-1, -1, steps, -1, -1))
        if moving is not None:
            parts.append(moving)
        parts.append(self.places[None, :, None].expand(len(parts[0]), -1, steps, -1, -1))
        return self.joined(torch.cat(parts, dim=1))

    def attend(self, looks: Tensor) -> Tensor:
        """Attention in (0, 1), (M, 1, y, x), from appearance on the cells of motion (M, K_a, y, x)."""
        if self.attention is None:
            raise ValueError("this fusion has no attention")
        return torch.sigmoid(self.attention(looks))
