"""From the frames of clips to their flow as shards hold it: in batches of pairs, whichever clips they are of.

Axes: B pairs, H x W pixels of the stored frame, h x w cells of the grid.
"""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import pairwise
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from stages.motion.consistency import inside, leads_home
from stages.motion.estimator import FlowEstimator, build
from stages.params import Flow
from stages.shards.flow_jobs import Attempt
from stages.shards.flow_origin import FlowOrigin
from stages.shards.flow_schema import ClipFlow, cells_of, to_units
from stages.shards.reader import ClipReader
from stages.shards.schema import DecodedClip

_FULL_SCALE = 255


@dataclass(frozen=True, slots=True)
class Pair:
    """Two frames that follow each other, RGB uint8 (H, W, 3), and the clip that they are of."""

    clip_id: str
    first: NDArray[np.uint8]
    second: NDArray[np.uint8]


@dataclass(frozen=True)
class FieldMaker:
    """Estimates the flow of clips; a worker gets it by pickle and builds the estimator once, when it first needs it."""

    flow: Flow
    origin: FlowOrigin
    weights: Path  # absolute: the folder that holds them

    @cached_property
    def estimator(self) -> FlowEstimator:
        """The declared backend."""
        return build(self.flow, self.origin, self.weights)

    def __call__(self, reader: ClipReader, clips: Sequence[DecodedClip], attempt: Attempt) -> Iterator[ClipFlow]:
        """Flow of each clip, in their order.

        Args:
            reader: Has their frames.
            clips: Of any size.
            attempt: Notes for which clips something is done that may end this process.
        """
        done: dict[str, _Parts] = defaultdict(_Parts)
        waiting = iter(clips)
        clip = next(waiting, None)
        for batch in self._batches(reader, clips, attempt):
            with attempt(sorted({pair.clip_id for pair in batch})):
                vectors, valid = self._estimate(batch)
            for pair, its_vectors, its_valid in zip(batch, vectors, valid, strict=True):
                done[pair.clip_id].add(its_vectors, its_valid)
            while clip is not None and done[clip.clip_id].num == clip.num_frames - 1:
                yield done.pop(clip.clip_id).joined(clip)
                clip = next(waiting, None)
        while clip is not None:  # of a single frame: without a pair
            yield done[clip.clip_id].joined(clip)
            clip = next(waiting, None)

    def _batches(self, reader: ClipReader, clips: Sequence[DecodedClip], attempt: Attempt) -> Iterator[list[Pair]]:
        """Pairs of one size, at most `batch_pairs` estimates at once."""
        most = max(1, self.flow.batch_pairs // (2 if self.flow.consistency.check else 1))
        batch: list[Pair] = []
        for clip in clips:
            with attempt([clip.clip_id]):
                frames = reader.frames(clip.clip_id, range(clip.num_frames))
            for first, second in pairwise(frames):
                if batch and (len(batch) == most or batch[0].first.shape != first.shape):
                    yield batch
                    batch = []
                batch.append(Pair(clip.clip_id, first, second))
        if batch:
            yield batch

    def _estimate(self, batch: Sequence[Pair]) -> tuple[NDArray[np.int16], NDArray[np.uint8]]:
        """Vectors (B, 2, h, w) in units, and which are valid, (B, h, w)."""
        first, second = _to_tensor([pair.first for pair in batch]), _to_tensor([pair.second for pair in batch])
        rule = self.flow.consistency
        if rule.check:
            both = self.estimator(torch.cat((first, second)), torch.cat((second, first)))
            forward_px, backward_px = both.chunk(2)
            valid = leads_home(forward_px, backward_px, relative=rule.relative, absolute_px2=rule.absolute_px2)
        else:
            forward_px = self.estimator(first, second)
            valid = torch.ones_like(forward_px[:, 0], dtype=torch.bool)
        valid &= inside(forward_px, *first.shape[-2:])
        vectors, fits = to_units(forward_px.numpy())
        return vectors, (valid.numpy() & fits).astype(np.uint8)


@dataclass(slots=True)
class _Parts:
    """What is done of a clip's pairs."""

    vectors: list[NDArray[np.int16]] = field(default_factory=list)
    valid: list[NDArray[np.uint8]] = field(default_factory=list)

    @property
    def num(self) -> int:
        return len(self.vectors)

    def add(self, vectors: NDArray[np.int16], valid: NDArray[np.uint8]) -> None:
        self.vectors.append(vectors)
        self.valid.append(valid)

    def joined(self, clip: DecodedClip) -> ClipFlow:
        cells = (cells_of(clip.height), cells_of(clip.width))
        return ClipFlow(
            clip_id=clip.clip_id,
            video_id=clip.video_id,
            height=clip.height,
            width=clip.width,
            vectors=np.stack(self.vectors) if self.num else np.zeros((0, 2, *cells), np.int16),
            valid=np.stack(self.valid) if self.num else np.zeros((0, *cells), np.uint8),
        )


def _to_tensor(frames: Sequence[NDArray[np.uint8]]) -> Tensor:
    """RGB uint8 (H, W, 3) -> (B, 3, H, W) in [0, 1]."""
    return torch.from_numpy(np.stack(frames)).permute(0, 3, 1, 2).to(torch.float32) / _FULL_SCALE
