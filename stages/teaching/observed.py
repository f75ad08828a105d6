"""Neighbouring frames of decoded clips, without any truth, as a function of (seed, step)."""

from pathlib import Path

import torch
from torch import Tensor
from torch.nn import functional

from stages.motion.pwcnet import MULTIPLE
from stages.shards.reader import ClipReader
from stages.teaching.recipe import Recipe
from stages.training.seeding import generator

_NEIGHBOURS = 2  # a pair's frames are at most so far apart


class Observed:
    """Pairs of frames of the training clips of a decoded folder."""

    def __init__(self, folder: Path, recipe: Recipe, device: torch.device) -> None:
        self._reader, self._recipe, self._device = ClipReader(folder), recipe, device
        self._clips = [clip for clip in self._reader.clips if clip.split == "train" and clip.num_frames > 1]
        if not self._clips:
            raise ValueError(f"{folder}: no training clip with two frames or more; run `dvc repro decode`")

    def at(self, step: int) -> tuple[Tensor, Tensor]:
        """First and second frames, each (B, 3, H, W), RGB in [0, 1], that follow `step` earlier batches."""
        random = generator("flow frames", self._recipe.seed, step)
        pairs = torch.stack([self._pair(random) for _ in range(self._recipe.scenes)]).to(self._device)
        return pairs[:, 0], pairs[:, 1]

    def _pair(self, random: torch.Generator) -> Tensor:
        """Both frames of a random pair, the same square of each, (2, 3, S, S)."""
        clip = self._clips[_draw(len(self._clips), random)]
        apart = 1 + _draw(min(_NEIGHBOURS, clip.num_frames - 1), random)
        start = _draw(clip.num_frames - apart, random)
        indices = [start, start + apart][:: 1 if _draw(2, random) else -1]
        frames = torch.stack([torch.from_numpy(f) for f in self._reader.frames(clip.clip_id, indices)])
        pair = frames.permute(0, 3, 1, 2).float() / 255
        side = min(self._recipe.side_px, *pair.shape[-2:])
        top, left = (_draw(size - side + 1, random) for size in pair.shape[-2:])
        square = pair[..., top : top + side, left : left + side]
        if side % MULTIPLE:
            square = functional.interpolate(square, (self._recipe.side_px,) * 2, mode="bilinear", align_corners=False)
        return square.flip(3) if _draw(2, random) else square


def _draw(count: int, random: torch.Generator) -> int:
    return int(torch.randint(count, (), generator=random))
