"""Draws the fixed mixes on which models are compared: balanced, repeatable, and no pair of clips twice."""

import hashlib
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import NamedTuple

import numpy as np

from stages.params import Kind
from stages.shards.files import sha256_json
from stages.shards.schema import DecodedClip, MixSource, Split


@dataclass(frozen=True, slots=True)
class Rule:
    """Which clips may meet in a mix. Without labels every video counts as a label of its own."""

    num_sources: int
    one_label: bool  # all sources have one label; else each has its own
    one_video: bool  # all sources are windows of one video that do not overlap; else each has its own
    shifted: bool = False  # its clips are of the split "shifted", whichever is asked for


RULES: dict[Kind, Rule] = {
    "different2": Rule(2, one_label=False, one_video=False),
    "different3": Rule(3, one_label=False, one_video=False),
    "different4": Rule(4, one_label=False, one_video=False),
    "same2": Rule(2, one_label=True, one_video=False),
    "video2": Rule(2, one_label=True, one_video=True),
    "shifted2": Rule(2, one_label=False, one_video=False, shifted=True),
    "shifted_same2": Rule(2, one_label=True, one_video=False, shifted=True),
}

_Sources = tuple[DecodedClip, ...]


class MixesError(ValueError):
    """No mix at all can be drawn."""


class Draw(NamedTuple):
    """Mixes of one split and kind, the number that was asked for, and from what they were drawn, in words."""

    split: Split
    kind: Kind
    asked: int
    mixes: list[_Sources]
    found: str

    @property
    def shortage(self) -> str:
        """Why there are fewer mixes than asked; empty where there are not."""
        if len(self.mixes) == self.asked:
            return ""
        if self.mixes:
            return "no other clips can be combined"
        return f"it needs {_needs(RULES[self.kind])}, found {self.found}"

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


def drawn_from(kind: Kind, asked: Split) -> Split:
    """Where the clips of a kind come from that is asked for under `mixes.<asked>`."""
    return "shifted" if RULES[kind].shifted else asked


def draw(clips: Sequence[DecodedClip], *, split: Split, kind: Kind, count: int, seed: int) -> Draw:
    """Draw up to `count` mixes of clips that may meet by the kind's rule.

    Each mix takes the labels, then the videos, then the clips that were used least, chance breaking ties; no two clips
    meet twice. Fewer than `count` come back when nothing new can be combined, none where nothing can.

    Args:
        clips: What `usable` gives for this split.
        split: Their split.
        kind: Kind of mix; it sets the number of sources.
        count: Number of mixes wanted.
        seed: Of the drawing; each split and kind has its own stream.
    """
    digest = hashlib.sha256(f"{seed}/{split}/{kind}".encode()).digest()
    deck = _Deck(clips, RULES[kind], np.random.default_rng(int.from_bytes(digest[:8], "big")))
    mixes: list[_Sources] = []
    while len(mixes) < count and (chosen := deck.deal()) is not None:
        mixes.append(chosen)
    return Draw(split, kind, count, mixes, _found(clips))


def check_any(draws: Sequence[Draw], asked: Split) -> None:
    """`MixesError` where mixes were asked for and not a single one was drawn; says what each kind lacks."""
    lacking = [drawn for drawn in draws if drawn.shortage]
    if lacking and not any(drawn.mixes for drawn in draws):
        reasons = "; ".join(
            f"no {drawn.kind} mix is possible in split {drawn.split}: {drawn.shortage}" for drawn in lacking
        )
        raise MixesError(
            f"{reasons}. Add videos to index.videos, raise index.{asked}_share, or ask for 0 mixes under mixes.{asked}"
        )


class _Deck:
    """Clips with the counts of how often each, its video, its label and each pair of them were dealt."""

    def __init__(self, clips: Sequence[DecodedClip], rule: Rule, generator: np.random.Generator) -> None:
        self._clips = sorted(clips, key=lambda clip: clip.clip_id)
        self._rule = rule
        self._generator = generator
        self._used: Counter[str] = Counter()  # by clip id, by video id and by group, all of them distinct words
        self._met: Counter[frozenset[str]] = Counter()  # pairs of clip ids and pairs of groups

    def deal(self) -> _Sources | None:
        """The next mix, or None when every combination holds a pair of clips that already met."""
        ranks: list[int] = self._generator.permutation(len(self._clips)).tolist()
        chance = {clip.clip_id: rank for clip, rank in zip(self._clips, ranks, strict=True)}
        chosen = next(self._completions((), self._clips, chance), None)
        if chosen is not None:
            self._count(chosen)
        return chosen

    def _completions(self, begun: _Sources, fitting: list[DecodedClip], chance: dict[str, int]) -> Iterator[_Sources]:
        """Mixes that begin with `begun`, go on with `fitting` clips, least used first; depth first: none is missed."""
        missing = self._rule.num_sources - len(begun)
        if missing == 0:
            yield begun
        elif self._rule.one_label or len({_group(clip) for clip in fitting}) >= missing:
            for clip in sorted(fitting, key=lambda clip: (*self._weariness(clip, begun), chance[clip.clip_id])):
                still = [other for other in fitting if self._may_meet(clip, other)]
                yield from self._completions((*begun, clip), still, chance)

    def _may_meet(self, clip: DecodedClip, other: DecodedClip) -> bool:
        one_label, one_video = _group(clip) == _group(other), clip.video_id == other.video_id
        if (one_label, one_video) != (self._rule.one_label, self._rule.one_video):
            return False
        return not (one_video and _overlap(clip, other)) and frozenset((clip.clip_id, other.clip_id)) not in self._met

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
    """What counts as the label: the video where there is none."""
    return f"label {clip.label}" if clip.label is not None else f"from {clip.video_id}"


def _overlap(clip: DecodedClip, other: DecodedClip) -> bool:
    first, second = sorted((clip, other), key=lambda one: one.start_sample)
    return second.start_sample < first.start_sample + first.num_samples


def _needs(rule: Rule) -> str:
    if rule.one_video:
        return f"{rule.num_sources} windows of one video that do not overlap"
    if rule.one_label:
        return f"{rule.num_sources} videos with the same label"
    return f"{rule.num_sources} different labels, or without any label as many videos"


def _found(clips: Sequence[DecodedClip]) -> str:
    labels = sorted({clip.label for clip in clips if clip.label is not None})
    videos = len({clip.video_id for clip in clips})
    return f"{len(clips)} sounding clips of {videos} videos" + (f" with labels {', '.join(labels)}" if labels else "")
