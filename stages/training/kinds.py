"""What instrument a video shows, as a number: by what a model that is being trained sees, by its sound, or by labels.

Axes: M videos, J pictures or clips of a video, K features, R log-frequency rows, T spectrogram frames.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import pi

import torch
from torch import Tensor

from stages.networks.frames import cut, draw_square
from stages.networks.separation import Separator
from stages.networks.sight import Pictures
from stages.networks.spectrogram import log_levels
from stages.shards.schema import DecodedClip
from stages.training.batches import Media, read_waveform
from stages.training.curriculum import cluster, kinds_by_label
from stages.training.seeding import generator

_CLIPS = 4  # of a video that are looked at or listened to, at most
_NOTHING = 1e-12
_MOMENTS = (0.25, 0.75)  # of a clip, at which
_CEPSTRA = 24  # that describe a sound; the one before them says how loud it is, not whose

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
    return _clustered([looks(separator, pictures, some) for some in videos], num_kinds, seed)


def heard(separator: Separator, media: Media, videos: tuple[Videos, Videos], *, num_kinds: int, seed: int) -> Kinds:
    """By clusters of how the training videos sound: of their timbre, however loud, by the separator's own spectrogram.

    Cepstral coefficients on log-frequency rows (as Davis & Mermelstein 1980 have them on mel bands), averaged over time
    with the sound's level as weights. Validation videos are of the kind whose centre is nearest.

    Args:
        separator: Its weights do not count.
        media: Of all clips.
        videos: Those of training, and those of validation.
        num_kinds: Number of clusters.
        seed: Of the first centre.
    """
    return _clustered([timbres(separator, media, some) for some in videos], num_kinds, seed)


def _clustered(features: Sequence[Tensor], num_kinds: int, seed: int) -> Kinds:
    """Of features (M, K) of training videos, and of validation videos, which take the nearest of their centres."""
    train, validation = features
    found = cluster(train, num_kinds, generator(seed, "kinds"))
    return Kinds(found.kinds(train), found.kinds(validation))


def timbres(separator: Separator, media: Media, videos: Videos) -> Tensor:
    """Mean cepstral coefficients of each video's sound, (M, K)."""
    num_rows = separator.spectrogram.log_frequency_rows
    places = (torch.arange(num_rows, device=separator.device) + 0.5) / num_rows
    cosines = torch.cos(pi * torch.arange(1, _CEPSTRA + 1, device=separator.device)[:, None] * places)  # (K, R)
    means = torch.zeros(len(videos), _CEPSTRA)
    for place, clips in enumerate(videos):
        waveforms = [read_waveform(media, clip.clip_id, clip.num_samples) for clip in _some(clips)]
        magnitudes = [separator.rows.warp(separator.stft(one.to(separator.device)[None]).abs()) for one in waveforms]
        joined = torch.cat(magnitudes, dim=-1)[0]  # (R, T), clip after clip
        levels = joined.sum(dim=0)
        means[place] = (cosines @ log_levels(joined) @ (levels / levels.sum().clamp_min(_NOTHING))).cpu()
    return means


def _some(clips: Sequence[DecodedClip]) -> Sequence[DecodedClip]:
    """At most so many as are looked at or listened to, evenly chosen."""
    return clips[:: -(-len(clips) // _CLIPS)]


@torch.no_grad()
def looks(separator: Separator, pictures: Pictures, videos: Videos) -> Tensor:
    """Mean description of each video's pictures before the sigmoid, (M, K)."""
    describer = separator.net.describer
    if describer is None:
        raise ValueError("train.instruments look: this separator has no appearance network; set it to sound or labels")
    describer.eval()
    crop_px = separator.model.appearance.crop_px
    features = torch.zeros(len(videos), separator.model.channels)
    for place, clips in enumerate(videos):
        shown = torch.cat([_shown(pictures, clip.clip_id, crop_px) for clip in _some(clips)])
        features[place] = describer.pooled(shown[:, None].to(separator.device)).float().mean(dim=0).cpu()
    return features


def _shown(pictures: Pictures, clip_id: str, crop_px: int) -> Tensor:
    """Central squares of a clip's pictures, (J, 3, crop_px, crop_px)."""
    num_frames = pictures.num_frames(clip_id)
    frames = pictures.frames(clip_id, sorted({int(moment * num_frames) for moment in _MOMENTS}))
    height, width = frames[0].shape[:2]
    return cut(frames, draw_square(height, width, crop_px, None), crop_px)
