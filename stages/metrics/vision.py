"""Estimates of a trained separator, with each source's own picture and, as a control, with its partner's.

Axes: N sources of a mix, S samples, P frames of a clip, H x W pixels.
"""

from typing import Literal

import torch
from torch import Tensor

from stages.audio.mixing import mix as mean_of
from stages.metrics.scores import Mix
from stages.networks.frames import to_input, which_frames
from stages.networks.separation import Separator
from stages.shards.reader import ClipReader

SWAPPED = "swapped_vision"


class Vision:
    """An estimator `name`, and `name:swapped_vision` for which source n is shown the frames of source n - 1.

    A separator that looks must collapse when the frames are swapped; one that ignores its picture stays where it is.
    """

    def __init__(self, name: str, separator: Separator, reader: ClipReader, *, mask: Literal["soft", "binary"]) -> None:
        self._name, self._separator, self._reader = name, separator, reader
        self._mask: Literal["soft", "binary"] = mask

    def __call__(self, mix: Mix, sources: Tensor) -> dict[str, Tensor]:
        """Estimates (N, S) by estimator for sources (N, S)."""
        frames = torch.stack([self._frames(source.clip_id) for source in mix.sources])
        shown = torch.stack([frames, frames.roll(1, dims=0)])
        own, swapped = self._separator.separate(mean_of(sources).expand(2, -1), shown, mask=self._mask)
        return {self._name: own, f"{self._name}:{SWAPPED}": swapped}

    def _frames(self, clip_id: str) -> Tensor:
        """Network input, (P, 3, H, W)."""
        look = self._separator.model.appearance
        indices = which_frames(self._reader.num_frames(clip_id), look.num_frames, look.frame_stride, None)
        return to_input(self._reader.frames(clip_id, indices), look.crop_px, generator=None)
