"""Draws the fixed mixes on which models are compared: balanced, repeatable, and no pair of clips twice."""

import hashlib
from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import combinations
from typing import NamedTuple

import numpy as np

from stages.params import Kind
from stages.shards.files import sha256_json
from stages.shards.schema import DecodedClip, MixSource, Split

NUM_SOURCES: dict[Kind, int] = {"different2": 2, "different3": 3, "different4": 4}


_Sources = tuple[DecodedClip, ...]


class MixesError(ValueError):
    """No mix of a kind can be drawn."""


class Draw(NamedTuple):
    """Mixes of one split and kind, and the number that was asked for."""

    split: Split
    kind: Kind
    asked: int
    mixes: list[_Sources]

    def rows(self) -> list[MixSource]:
        """One row a source, in the order of the mixes; a mix's id is a hash of its kind and clips."""
        return [row for sources in self.mixes for row in self._rows_of(sources)]

    def _rows_of(self, sources: _Sources) -> Iterator[MixSource]:
        mix_id = sha256_json({"kind": self.kind, "clips": [clip.clip_id for clip in sources]})[:16]
        for source, clip in enumerate(sources):
            yield MixSource(mix_id, self.kind, self.split, source, clip.clip_id, clip.video_id, clip.label)


def usable(clips: Sequence[DecodedClip], *, split: Split, min_rms_db: float) -> list[DecodedClip]:
    """The split's clips that can be a reference: they sound, and one thing sounds.

    Where any clip of the split has a label, clips without one are left out (they may show what the partner shows), and
    so are duets, whose label joins two names with a blank.
    """
    sounding = [clip for clip in clips if clip.split == split and clip.rms_db >= min_rms_db]
    if all(clip.label is None for clip in sounding):
        return sounding
    return [clip for clip in sounding if clip.label is not None and " " not in clip.label]


def draw(clips: Sequence[DecodedClip], *, split: Split, kind: Kind, count: int, seed: int) -> Draw:
    """Draw up to `count` mixes of clips with different labels (or, without labels, of different videos).

    Each mix takes the labels, then the videos, then the clips that were used least, chance breaking ties; no two clips
    meet twice. Fewer than `count` come back when nothing new can be combined.

    Args:
        clips: What `usable` gives for this split.
        split: Their split.
        kind: Kind of mix; it sets the number of sources.
        count: Number of mixes wanted.
        seed: Of the drawing; each split and kind has its own stream.

    Raises:
        MixesError: Not a single mix is possible; names what is missing.
    """
    digest = hashlib.sha256(f"{seed}/{split}/{kind}".encode()).digest()
    deck = _Deck(clips, np.random.default_rng(int.from_bytes(digest[:8], "big")))
    mixes: list[_Sources] = []
    while len(mixes) < count and (chosen := deck.deal(NUM_SOURCES[kind])) is not None:
        mixes.append(chosen)
    if count > 0 and not mixes:
        raise MixesError(_missing(clips, split=split, kind=kind))
    return Draw(split, kind, count, mixes)


class _Deck:
    """Clips with the counts of how often each, its video, its label and each pair of them were dealt."""

    def __init__(self, clips: Sequence[DecodedClip], generator: np.random.Generator) -> None:
        self._clips = sorted(clips, key=lambda clip: clip.clip_id)
        self._generator = generator
        self._used: Counter[str] = Counter()  # by clip id, by video id and by group, all of them distinct words
        self._met: Counter[frozenset[str]] = Counter()  # pairs of clip ids and pairs of groups

    def deal(self, num_sources: int) -> _Sources | None:
        """The next mix, or None when every combination holds a pair of clips that already met."""
        ranks: list[int] = self._generator.permutation(len(self._clips)).tolist()
        chance = {clip.clip_id: rank for clip, rank in zip(self._clips, ranks, strict=True)}
        chosen = next(self._completions((), self._clips, num_sources, chance), None)
        if chosen is not None:
            self._count(chosen)
        return chosen

    def _completions(
        self, begun: _Sources, fitting: list[DecodedClip], num_sources: int, chance: dict[str, int]
    ) -> Iterator[_Sources]:
        """Mixes that begin with `begun`, go on with `fitting` clips, least used first; depth first: none is missed."""
        missing = num_sources - len(begun)
        if missing == 0:
            yield begun
        elif len({_group(clip) for clip in fitting}) >= missing:
            for clip in sorted(fitting, key=lambda clip: (*self._weariness(clip, begun), chance[clip.clip_id])):
                still = [other for other in fitting if self._may_meet(clip, other)]
                yield from self._completions((*begun, clip), still, num_sources, chance)

    def _may_meet(self, clip: DecodedClip, other: DecodedClip) -> bool:
        apart = _group(clip) != _group(other) and clip.video_id != other.video_id
        return apart and frozenset((clip.clip_id, other.clip_id)) not in self._met

    def _weariness(self, clip: DecodedClip, begun: _Sources) -> tuple[int, ...]:
        pairs = sum(self._met[frozenset((_group(clip), _group(other)))] for other in begun)
        return (pairs, self._used[_group(clip)], self._used[f"video {clip.video_id}"], self._used[clip.clip_id])

    def _count(self, chosen: _Sources) -> None:
        for clip in chosen:
            self._used.update((_group(clip), f"video {clip.video_id}", clip.clip_id))
        for clip, other in combinations(chosen, 2):
            self._met[frozenset((clip.clip_id, other.clip_id))] += 1
            self._met[frozenset((_group(clip), _group(other)))] += 1


def _group(clip: DecodedClip) -> str:
    """What must differ inside a mix: the label, or the video where there is none."""
    return f"label {clip.label}" if clip.label is not None else f"from {clip.video_id}"


def _missing(clips: Sequence[DecodedClip], *, split: Split, kind: Kind) -> str:
    needed = NUM_SOURCES[kind]
    labels = sorted({clip.label for clip in clips if clip.label is not None})
    videos = len({clip.video_id for clip in clips})
    found = f"{len(clips)} sounding clips of {videos} videos" + (f" with labels {', '.join(labels)}" if labels else "")
    apart = "labels" if labels else "videos"
    return (
        f"no {kind} mix is possible in split {split}: it needs {needed} different {apart}, found {found}; "
        f"add videos to index.videos, raise index.{split}_share, or ask for 0 mixes of this kind under mixes.{split}"
    )
