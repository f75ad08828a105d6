"""Estimates of a trained separator with each source's own picture and, as controls, with less or wrong sight.

Axes: N sources of a mix, S samples, P frames of a clip, H x W pixels, F frequency bins, T spectrogram frames.
"""

from collections.abc import Iterator
from typing import Literal

import torch
from torch import Tensor

from stages.audio.mixing import mix as mean_of
from stages.metrics.scores import Mix
from stages.metrics.summary import SWAPPED, THRESHOLD
from stages.networks.network import ABLATIONS
from stages.networks.separation import Separator
from stages.networks.sight import MotionWindows, central, stacked
from stages.shards.reader import ClipReader

SOFT = "soft_mask"
_LATE_S = 0.5

_Look = tuple[Tensor, Tensor | None]  # frames (N, P, 3, H, W) and motion (N, C, V, X, X) that the sources are shown
_SWEPT_KIND = "different2"
_THRESHOLDS = tuple(tenths / 10 for tenths in range(1, 10))


class Vision:
    """An estimator `name`, and its controls `name:<control>`:

    - swapped_vision: source n is shown the frames, and the motion, of source n - 1. A separator that looks must
      collapse; one that ignores its picture stays where it is;
    - late_motion, swapped_motion, swapped_appearance, where motion is seen: motion is half a second late (what is lost
      at the clip's end comes first), or the motion alone, or the frames alone, are those of source n - 1;
    - zero_appearance, mean_appearance, zero_motion, mean_motion, of what the separator sees: features are zero, or for
      all sources of the mix their mean: what is left is done without them;
    - threshold_0.1 to threshold_0.9, on mixes of kind different2: masks that are 1 where the soft mask is above a
      threshold; and soft_mask where the estimator itself uses binary ones.
    """

    def __init__(
        self,
        name: str,
        separator: Separator,
        reader: ClipReader,
        windows: MotionWindows | None = None,
        *,
        mask: Literal["soft", "binary"],
    ) -> None:
        self._name, self._separator, self._reader, self._windows = name, separator, reader, windows
        self._mask: Literal["soft", "binary"] = mask

    def __call__(self, mix: Mix, sources: Tensor) -> dict[str, Tensor]:
        """Estimates (N, S) by estimator for sources (N, S)."""
        mixture = mean_of(sources)[None]
        masks = dict(self._masks(mix, mixture))
        cut = self._separator.masked(mixture.expand(len(masks), -1), torch.stack(list(masks.values())))
        return dict(zip(masks, cut, strict=True))

    def _masks(self, mix: Mix, mixture: Tensor) -> Iterator[tuple[str, Tensor]]:
        """Masks (N, F, T) by estimator for a mixture (1, S)."""
        ids = [source.clip_id for source in mix.sources]
        frames, motion = central(self._reader, ids, self._separator.model.appearance, self._windows)
        looks = self._looks(frames, motion)
        shown, moving = zip(*looks.values(), strict=True)
        found = self._separator.soft_masks(mixture.expand(len(looks), -1), torch.stack(shown), stacked(moving))
        yield from zip(looks, map(self._chosen, found), strict=True)
        own_motion = None if motion is None else motion[None]
        for control in self._separator.net.ablations:
            (blind,) = self._separator.soft_masks(mixture, frames[None], own_motion, ABLATIONS[control])
            yield f"{self._name}:{control}", self._chosen(blind)
        if mix.kind == _SWEPT_KIND:
            yield from self._sweep(found[0])

    def _looks(self, frames: Tensor, motion: Tensor | None) -> dict[str, _Look]:
        """What sources are shown by estimator, first what is theirs."""
        name, model, others = self._name, self._separator.model, frames.roll(1, dims=0)
        if motion is None or model.kind == "pixels":
            return {name: (frames, motion), f"{name}:{SWAPPED}": (others, motion)}
        others_move = motion.roll(1, dims=0)
        late_steps = max(1, round(_LATE_S * model.motion.rate_hz / model.motion.average_steps))
        looks: dict[str, _Look] = {name: (frames, motion), f"{name}:{SWAPPED}": (others, others_move)}
        looks[f"{name}:late_motion"] = (frames, motion.roll(late_steps, dims=-3))
        if self._separator.net.describer is not None:
            looks[f"{name}:swapped_motion"] = (frames, others_move)
            looks[f"{name}:swapped_appearance"] = (others, motion)
        return looks

    def _sweep(self, soft: Tensor) -> Iterator[tuple[str, Tensor]]:
        if self._mask != "soft":
            yield f"{self._name}:{SOFT}", soft
        for threshold in _THRESHOLDS:
            yield f"{self._name}:{THRESHOLD}{threshold}", (soft > threshold).to(soft.dtype)

    def _chosen(self, soft: Tensor) -> Tensor:
        return soft if self._mask == "soft" else (soft > 0.5).to(soft.dtype)
