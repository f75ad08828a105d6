"""What instrument a video shows, as a number: by labels, or by what a model that is being trained sees.

Axes: M videos, J pictures of a video, K features.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from stages.networks.appearance import AppearanceNetwork
from stages.networks.frames import cut, draw_square
from stages.networks.separation import Separator
from stages.networks.sight import Pictures
from stages.shards.schema import DecodedClip
from stages.training.curriculum import cluster, kinds_by_label
from stages.training.seeding import generator

_CLIPS = 4  # of a video that are looked at, at most
_MOMENTS = (0.25, 0.75)  # of a clip, at which

Videos = Sequence[Sequence[DecodedClip]]


@dataclass(frozen=True, slots=True)
class Kinds:
    """One number a video; only those of one instrument share it."""

    train: tuple[int, ...]
    validation: tuple[int, ...]


def labelled(train: Videos, validation: Videos) -> Kinds:
    """By the labels that folders give."""
    kinds = kinds_by_label([clips[0].label for clips in (*train, *validation)])
    return Kinds(kinds[: len(train)], kinds[len(train) :])


def seen(
    separator: Separator, pictures: Pictures, videos: tuple[Videos, Videos], *, num_kinds: int, seed: int
) -> Kinds:
    """By clusters of what a separator's appearance network sees of the training videos.

    Validation videos are of the kind whose centre is nearest. A function of weights and pictures alone.

    Args:
        separator: As it stands at the beginning of the phase.
        pictures: Of all clips.
        videos: Those of training, and those of validation.
        num_kinds: Number of clusters.
        seed: Of the first centre.
    """
    describer = separator.net.describer
    if describer is None:
        raise ValueError("train.instruments look: this separator has no appearance network; set it to labels")
    train, validation = (_features(separator, describer, pictures, some) for some in videos)
    looks = cluster(train, num_kinds, generator(seed, "kinds"))
    return Kinds(looks.kinds(train), looks.kinds(validation))


@torch.no_grad()
def _features(separator: Separator, describer: AppearanceNetwork, pictures: Pictures, videos: Videos) -> Tensor:
    """Mean description of each video's pictures before the sigmoid, (M, K)."""
    describer.eval()
    crop_px = separator.model.appearance.crop_px
    features = torch.zeros(len(videos), separator.model.channels)
    for place, clips in enumerate(videos):
        shown = torch.cat([_shown(pictures, clip.clip_id, crop_px) for clip in clips[:: -(-len(clips) // _CLIPS)]])
        features[place] = describer.pooled(shown[:, None].to(separator.device)).float().mean(dim=0).cpu()
    return features


def _shown(pictures: Pictures, clip_id: str, crop_px: int) -> Tensor:
    """Central squares of a clip's pictures, (J, 3, crop_px, crop_px)."""
    num_frames = pictures.num_frames(clip_id)
    frames = pictures.frames(clip_id, sorted({int(moment * num_frames) for moment in _MOMENTS}))
    height, width = frames[0].shape[:2]
    return cut(frames, draw_square(height, width, crop_px, None), crop_px)
