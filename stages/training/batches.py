"""Mix-and-separate batches (Zhao et al. 2018, section 3.2) as a pure function of (seed, step).

Axes: B mixtures, N sources of a mixture, S samples, P frames of a clip, H x W pixels. What a video is labelled is never
looked at, unless train.sampling or train.instruments asks for it.
"""

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from stages.audio.mixing import draw_gains
from stages.networks.sight import MotionWindows, Pictures, look, stacked
from stages.params import Sampling, Train
from stages.separators import Appearance
from stages.shards.schema import DecodedClip, Split
from stages.training.augmentation import draw_variation, varied
from stages.training.curriculum import Pool, Sampler, draw
from stages.training.ranks import ALONE, Ranks, rows_of
from stages.training.seeding import generator

_SILENCE_DB = -80.0  # a clip this quiet is digital silence with at most a few ticks: its masks would be 0 / 0


class Media(Pictures, Protocol):
    """Where decoded clips come from; `stages.shards.reader.ClipReader` is one."""

    def audio(self, clip_id: str) -> NDArray[np.float32]:
        """Waveform, (S,), in [-1, 1)."""
        ...


class TooFewClips(ValueError):  # noqa: N818 - named for what is wrong
    """There is not enough to learn from."""


@dataclass(frozen=True, slots=True)
class Batch:
    """B mixtures taken apart."""

    sources: Tensor  # (B, N, S), as they stand in the mixture: after gain and division by N
    frames: Tensor  # (B, N, P, 3, H, W), normalised
    motion: Tensor | None = None  # (B, N, C, V, X, X) of the same squares, where the model sees motion


@dataclass(frozen=True, slots=True)
class TrainingClips:
    """Sounding clips of the training split, by video."""

    by_video: tuple[tuple[str, ...], ...]  # clip ids
    weights: tuple[float, ...]  # how often each video is drawn, relative to the others
    num_samples: int  # S: shorter clips end in silence
    num_silent: int  # clips left out

    @property
    def num_clips(self) -> int:
        """Clips of all videos."""
        return sum(map(len, self.by_video))


def training_clips(clips: Sequence[DecodedClip], num_sources: int, *, sampling: Sampling) -> TrainingClips:
    """Group what may be trained on; `TooFewClips` where no mixture of `num_sources` different videos can be made.

    `sampling`: "videos" draws every video equally often; "labels" every label (no label counts as one), so that a
    frequent instrument is not heard more often than a rare one.
    """
    of_split = [clip for clip in clips if clip.split == "train"]
    by_video: defaultdict[str, list[str]] = defaultdict(list)
    for clip in sounding(of_split, "train"):
        by_video[clip.video_id].append(clip.clip_id)
    num_silent = len(of_split) - sum(map(len, by_video.values()))
    if len(by_video) < num_sources:
        raise TooFewClips(
            f"data/decode/clips.parquet: {num_sources} videos with sound are needed in the training split to mix "
            f"so many of them, found {len(by_video)} (clips in the split: {len(of_split)}, silent: "
            f"{num_silent}); add videos or lower index.validation_share and index.test_share"
        )
    groups = tuple(tuple(sorted(by_video[video])) for video in sorted(by_video))
    weights = _weights(of_split, sorted(by_video)) if sampling == "labels" else (1.0,) * len(groups)
    return TrainingClips(groups, weights, max(clip.num_samples for clip in of_split), num_silent)


def sounding(clips: Sequence[DecodedClip], split: Split) -> list[DecodedClip]:
    """Those of a split that are no digital silence."""
    return [clip for clip in clips if clip.split == split and clip.rms_db > _SILENCE_DB]


def _weights(clips: Sequence[DecodedClip], videos: Sequence[str]) -> tuple[float, ...]:
    """One over the number of videos that share a video's label."""
    labels = {clip.video_id: clip.label for clip in clips}
    sizes = Counter(labels[video] for video in videos)
    return tuple(1 / sizes[labels[video]] for video in videos)


def pool_of(clips: Sequence[DecodedClip], trained: TrainingClips, kinds: Sequence[int] | None = None) -> Pool:
    """What is trained on, to draw from; without `kinds` each video is of its own.

    Args:
        clips: At least those that are trained on.
        trained: Which they are.
        kinds: One number a video, in the order of `trained`.
    """
    rows = {clip.clip_id: clip for clip in clips}
    by_video = tuple(tuple(rows[clip_id] for clip_id in ids) for ids in trained.by_video)
    return Pool(by_video, trained.weights, tuple(kinds or range(len(by_video))), trained.num_samples)


def seen_videos(
    clips: Sequence[DecodedClip], trained: TrainingClips, validation: Sequence[Sequence[str]]
) -> dict[str, list[str]]:
    """Ids of the videos that shape a model: those that it learns from, and those of the mixes that choose its weights.

    Args:
        clips: All decoded ones.
        trained: What is trained on.
        validation: Clip ids of each validation mix.
    """
    video_of = {clip.clip_id: clip.video_id for clip in clips}
    used = {"train": trained.by_video, "validation": validation}
    return {name: sorted({video_of[clip] for group in groups for clip in group}) for name, groups in used.items()}


class Batches:
    """Builds the batch of any step; `windows`: where a model sees motion, if it does."""

    def __init__(
        self,
        media: Media,
        sampler: Sampler,
        appearance: Appearance,
        train: Train,
        windows: MotionWindows | None = None,
    ) -> None:
        self._media, self._sampler, self._appearance, self._train = media, sampler, appearance, train
        self._windows = windows
        self._num_samples = sampler.pool.num_samples

    def at(self, step: int, ranks: Ranks = ALONE) -> Batch:
        """Batch of one step, or a rank's rows of it; each mixture has a generator of its own."""
        mixtures = [self._mixture(step, row) for row in rows_of(ranks, self._train.batch_mixtures)]
        sources, frames, motion = zip(*mixtures, strict=True)
        return Batch(torch.stack(sources), torch.stack(frames), stacked(motion))

    def clips_at(self, step: int, ranks: Ranks = ALONE) -> Batch:
        """Clips of different videos, one by one instead of mixed: N is 1, and B at most the number of videos.

        One generator draws for all of them in turn, so each rank builds all before it keeps its own.
        """
        random, train, pool = generator(self._train.seed, "clips", step), self._train, self._sampler.pool
        count = min(train.pretrain.batch_clips, len(pool.by_video))
        waveforms, frames, motion = self._seen_and_heard(draw(pool, "any", count, random), random)
        rows = rows_of(ranks, count)
        own = slice(rows.start, rows.stop)
        return Batch(waveforms[own, None], frames[own, None], None if motion is None else motion[own, None])

    def _mixture(self, step: int, row: int) -> tuple[Tensor, Tensor, Tensor | None]:
        random = generator(self._train.seed, step, row)
        ids = self._sampler.mixture(step, row, random)
        waveforms, frames, motion = self._seen_and_heard(ids, random)
        return waveforms / len(ids), frames, motion

    def _seen_and_heard(self, ids: Sequence[str], random: torch.Generator) -> tuple[Tensor, Tensor, Tensor | None]:
        gains = draw_gains(len(ids), self._train.gain_low, self._train.gain_high, random)
        waveforms = torch.stack([read_waveform(self._media, clip_id, self._num_samples) for clip_id in ids])
        return waveforms * gains[:, None], *self._sights(ids, random)

    def _sights(self, ids: Sequence[str], random: torch.Generator) -> tuple[Tensor, Tensor | None]:
        looks = [look(self._media, clip_id, self._appearance, self._windows, random) for clip_id in ids]
        drawn = [draw_variation(self._train.augmentation, random) for _ in ids]
        frames = torch.stack([varied(frames, one) for (frames, _), one in zip(looks, drawn, strict=True)])
        if self._windows is None:
            return frames, None
        shown = zip(ids, looks, drawn, strict=True)
        return frames, stacked([self._windows.see(name, square, one.framing) for name, (_, square), one in shown])


def read_waveform(media: Media, clip_id: str, num_samples: int) -> Tensor:
    """(num_samples,): cut, or filled with silence at its end."""
    waveform = torch.from_numpy(np.array(media.audio(clip_id)[:num_samples], dtype=np.float32))
    return functional.pad(waveform, (0, num_samples - len(waveform)))
