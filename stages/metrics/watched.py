"""Mixes in which it is watched what a separator hears where, with where their sounds are seen to begin.

Axes: N sources of a mix, S samples, P frames of a clip, G x G cells of the square that a separator sees, D x D cells of
the whole picture.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from stages.audio.mixing import mix as mean_of
from stages.metrics.agreement import ClipAgreement, agree
from stages.networks.frames import draw_square
from stages.networks.sight import WHOLE, Field, MotionWindows, central, shown
from stages.separators import Appearance
from stages.shards.reader import ClipReader
from stages.shards.schema import DecodedClip

_POINTS = 48  # a side, at which a map of the picture is read before its mean over each cell is taken


@dataclass(frozen=True, slots=True)
class Watched:
    """A mix, what is shown of its sources, and where their sounds are seen to begin."""

    clips: tuple[DecodedClip, ...]  # (N,)
    mixture: Tensor  # (S,)
    frames: Tensor  # (N, P, 3, H, W)
    motion: Tensor | None  # (N, C, V, X, X), where the separator sees motion
    ranks: Tensor  # (N, points, points), of the square that is shown


def read_maps(path: Path) -> dict[str, Tensor]:
    """Ranks (D, D) by clip id, as the stage `coincidence` wrote them."""
    with np.load(path) as arrays:
        return dict(zip(arrays["clip_id"].tolist(), torch.from_numpy(arrays["rank"]).float(), strict=True))


def watch(
    reader: ClipReader,
    mixes: Sequence[Sequence[str]],
    appearance: Appearance,
    windows: MotionWindows | None,
    maps: Mapping[str, Tensor],
) -> list[Watched]:
    """Mixes of these clips without gains, as they are shown outside of training."""
    rows = {clip.clip_id: clip for clip in reader.clips}
    found: list[Watched] = []
    for clip_ids in mixes:
        clips = tuple(rows[clip_id] for clip_id in clip_ids)
        sounds = [torch.from_numpy(reader.audio(clip_id)) for clip_id in clip_ids]
        num_samples = min(map(len, sounds))
        mixture = mean_of(torch.stack([sound[:num_samples] for sound in sounds]))
        ranks = torch.stack([in_square(maps[clip.clip_id], clip, appearance.crop_px) for clip in clips])
        found.append(Watched(clips, mixture, *central(reader, clip_ids, appearance, windows), ranks))
    return found


def in_square(ranks: Tensor, clip: DecodedClip, crop_px: int) -> Tensor:
    """Ranks (D, D) of a clip's whole picture, read bilinearly at points of its central square, (points, points)."""
    square = draw_square(clip.height, clip.width, crop_px, None)
    field = Field(ranks[None, None], (clip.height / ranks.shape[0], clip.width / ranks.shape[1]))
    return shown(field, square, _POINTS, WHOLE)[0, 0]


def agreements(watched: Sequence[Watched], volumes_of: Sequence[Tensor]) -> list[ClipAgreement]:
    """Of every source of every mix, given the volumes (N, G, G) of each mix."""
    return [
        ClipAgreement(clip.clip_id, clip.video_id, agree(volume, own), agree(volume, other))
        for one, of_mix in zip(watched, volumes_of, strict=True)
        for clip, volume, own, other in zip(one.clips, of_mix, one.ranks, one.ranks.roll(-1, dims=0), strict=True)
    ]
