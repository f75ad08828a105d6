"""Whose sounds are mixed: the sampling rules of a curriculum (Zhao et al. 2019, section 3.3).

The paper goes from any two clips to two of the same instrument to two windows of one video. What instrument a video
shows may be known by labels; without them, clusters of what a model itself sees stand for instruments.

Axes: M videos, K features.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from stages.curricula import Phase, Rule
from stages.shards.schema import DecodedClip
from stages.training.seeding import generator

_ROUNDS = 50  # of k-means: it settles within a dozen


class NothingToDraw(ValueError):  # noqa: N818 - named for what is wrong
    """No mixture can be made by a rule."""


@dataclass(frozen=True, slots=True)
class Pool:
    """Clips to draw from, by video."""

    by_video: tuple[tuple[DecodedClip, ...], ...]
    weights: tuple[float, ...]  # how often `any` draws each video, relative to the others
    kinds: tuple[int, ...]  # which other videos count as of a video's instrument: those of its number
    num_samples: int  # of a clip's sound: shorter ones end in silence

    def __post_init__(self) -> None:
        if not len(self.by_video) == len(self.weights) == len(self.kinds):
            raise ValueError(
                f"expected a weight and a kind for each of {len(self.by_video)} videos, found {len(self.weights)} and "
                f"{len(self.kinds)}"
            )


@dataclass(frozen=True, slots=True)
class Sampler:
    """Whose clips a phase mixes, as a pure function of (seed, step, row); steps count on from phase to phase."""

    pool: Pool
    phase: Phase
    seed: int

    def rule(self, step: int, row: int) -> Rule:
        """Of one mixture: each rule has its share of them."""
        place = torch.rand((), generator=generator(self.seed, "rule", step, row)).item()
        *rules, last = self.phase.rules
        for rule in rules:
            place -= self.phase.rules[rule]
            if place < 0:
                return rule
        return last

    def mixture(self, step: int, row: int, random: torch.Generator) -> list[str]:
        """Clip ids of one mixture."""
        return draw(self.pool, self.rule(step, row), self.phase.num_sources, random)


def draw(pool: Pool, rule: Rule, num_sources: int, random: torch.Generator) -> list[str]:
    """Clip ids of one mixture, one a source.

    any: of different videos, drawn by their weights. same_instrument: of different videos of one kind, kinds equally
    likely. same_video: windows of one video that do not overlap, videos equally likely.

    Raises:
        NothingToDraw: There are too few videos, or windows, for the rule.
    """
    if rule == "same_video":
        return _windows(pool, num_sources, random)
    groups = [list(range(len(pool.by_video)))] if rule == "any" else _by_kind(pool.kinds)
    able = [group for group in groups if len(group) >= num_sources]
    if not able:
        largest = max(map(len, groups), default=0)
        raise NothingToDraw(
            f"rule {rule}: {num_sources} videos are needed{'' if rule == 'any' else ' of one kind'}, found {largest}"
        )
    if rule == "any":
        drawn = torch.multinomial(torch.tensor(pool.weights), num_sources, generator=random).tolist()
    else:
        group = able[_index(len(able), random)]
        drawn = [group[place] for place in torch.randperm(len(group), generator=random)[:num_sources]]
    return [pool.by_video[v][_index(len(pool.by_video[v]), random)].clip_id for v in drawn]


def kinds_by_label(labels: Sequence[str | None]) -> tuple[int, ...]:
    """One number a label; a video without one is of no kind but its own."""
    numbers: dict[str, int] = {}
    return tuple(
        len(labels) + place if label is None else numbers.setdefault(label, len(numbers))
        for place, label in enumerate(labels)
    )


@dataclass(frozen=True, slots=True)
class Clusters:
    """Of features of videos, say of what a model sees of them: kinds without labels."""

    middle: Tensor  # (K,)
    centres: Tensor  # (number of kinds, K), of unit length

    def kinds(self, features: Tensor) -> tuple[int, ...]:
        """Of videos with features (M, K): the nearest centres, by direction from the middle."""
        return tuple((_directions(features, self.middle) @ self.centres.T).argmax(dim=1).tolist())


def cluster(features: Tensor, num_kinds: int, random: torch.Generator) -> Clusters:
    """k-means by direction of features (M, K).

    The first centre is drawn, each further one is the video farthest from all before: a rare instrument is found, too.
    """
    if not 1 <= num_kinds <= len(features):
        raise ValueError(
            f"train.num_kinds: expected 1 to {len(features)} kinds of {len(features)} videos, found {num_kinds}"
        )
    middle = features.double().mean(dim=0)
    looks = _directions(features, middle)
    chosen = [_index(len(looks), random)]
    while len(chosen) < num_kinds:
        chosen.append(int((looks @ looks[chosen].T).amax(dim=1).argmin()))
    centres = looks[chosen]
    kinds = torch.zeros(len(looks), dtype=torch.long)
    for _ in range(_ROUNDS):
        before, kinds = kinds, (looks @ centres.T).argmax(dim=1)
        sums = torch.zeros_like(centres).index_add_(0, kinds, looks)
        centres = torch.where(sums.norm(dim=1, keepdim=True) > 0, functional.normalize(sums, dim=1), centres)
        if torch.equal(before, kinds):
            break
    return Clusters(middle, centres)


def _directions(features: Tensor, middle: Tensor) -> Tensor:
    return functional.normalize(features.double() - middle, dim=1)


def _windows(pool: Pool, num: int, random: torch.Generator) -> list[str]:
    for place in torch.randperm(len(pool.by_video), generator=random):
        clips = pool.by_video[place]
        if _most_apart(clips) < num:
            continue
        while True:  # a draw that blocks itself is drawn anew; some other exists
            taken: list[DecodedClip] = []
            for other in torch.randperm(len(clips), generator=random):
                if len(taken) < num and all(_apart(clips[other], one) for one in taken):
                    taken.append(clips[other])
            if len(taken) == num:
                return [clip.clip_id for clip in taken]
    raise NothingToDraw(f"rule same_video: no video has {num} windows that do not overlap")


def _most_apart(clips: Sequence[DecodedClip]) -> int:
    """How many windows of a video fit beside each other: by their ends, each that begins after the last one taken."""
    count, end = 0, -1
    for clip in sorted(clips, key=lambda clip: clip.start_sample + clip.num_samples):
        if clip.start_sample >= end:
            count, end = count + 1, clip.start_sample + clip.num_samples
    return count


def _apart(one: DecodedClip, other: DecodedClip) -> bool:
    first, last = sorted((one, other), key=lambda clip: clip.start_sample)
    return first.start_sample + first.num_samples <= last.start_sample


def _by_kind(kinds: Sequence[int]) -> list[list[int]]:
    groups: defaultdict[int, list[int]] = defaultdict(list)
    for video, kind in enumerate(kinds):
        groups[kind].append(video)
    return [groups[kind] for kind in sorted(groups)]


def _index(count: int, random: torch.Generator) -> int:
    return int(torch.randint(count, (), generator=random))
