"""Clips that the phases of a curriculum draw from, for training and for the choice of weights."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from stages.curricula import Instruments, Phase, Rule
from stages.shards.schema import DecodedClip
from stages.training.batches import TrainingClips, pool_of, sounding
from stages.training.curriculum import NothingToDraw, Pool, draw, kinds_by_label
from stages.training.kinds import Kinds
from stages.training.phases import Leg
from stages.training.seeding import generator
from stages.training.validation import drawn_mixes

Mixes = tuple[tuple[str, ...], ...]


@dataclass(frozen=True, slots=True)
class Sources:
    """Each video is of its own kind until `of_kinds` says otherwise."""

    train: Pool
    validation: Pool
    mixes: Mixes  # clip ids of the fixed validation mixes

    def of_kinds(self, kinds: Kinds) -> "Sources":
        """The same with what instrument each video shows."""
        return replace(
            self,
            train=replace(self.train, kinds=kinds.train),
            validation=replace(self.validation, kinds=kinds.validation),
        )

    def check_beforehand(self, phases: Sequence[Phase], instruments: Instruments) -> None:
        """`NothingToDraw` for what will fail in a later phase and is known already; of clusters nothing is yet."""
        labels = [clips[0].label for clips in self.train.by_video]
        labelled = replace(self, train=replace(self.train, kinds=kinds_by_label(labels)))
        for phase in phases:
            known: list[Rule] = [rule for rule in phase.rules if rule != "same_instrument" or instruments == "labels"]
            labelled.check(phase, known)

    def check(self, phase: Phase, rules: Sequence[Rule]) -> None:
        """`NothingToDraw` where a rule finds nothing to mix."""
        for rule in rules:
            try:
                draw(self.train, rule, phase.num_sources, generator("check"))
            except NothingToDraw as error:
                raise NothingToDraw(
                    f"train.curriculum: phase {phase.name}: {error} in the training split; add videos, lower "
                    f"train.num_kinds or num_sources, or choose another rule"
                ) from error

    def validation_mixes(self, phase: Phase, *, seed: int) -> dict[Rule, Mixes]:
        """Clip ids of the mixes that choose a phase's weights, by its own rules: for `any` the fixed ones.

        A rule that finds nothing in the validation split is left out and said; the fixed mixes stand in for all.
        """
        found: dict[Rule, Mixes] = {}
        for rule in phase.rules:
            try:
                found[rule] = self.mixes if rule == "any" else self._drawn(rule, phase.num_sources, seed)
            except NothingToDraw as error:
                print(f"phase {phase.name}: {error} in the validation split, which chooses weights without it")
        return found or {"any": self.mixes}

    def chosen_by(self, phases: Sequence[Phase]) -> Mixes:
        """Clip ids of all that may choose weights, in groups."""
        drawn = any(_beyond_any(phase) for phase in phases)
        return self.mixes + (tuple(_ids(clips) for clips in self.validation.by_video) if drawn else ())

    def identity(self, leg: Leg, instruments: Instruments) -> dict[str, Any]:
        """What rules beyond `any` draw from, as values to hash; labels get in where they are asked for alone."""
        phases = () if leg.pretraining else (*leg.before, leg.phase)
        if not any(map(_beyond_any, phases)):
            return {}
        pools = {"train": self.train, "validation": self.validation}
        windows = {name: [[_window(clip) for clip in clips] for clips in pool.by_video] for name, pool in pools.items()}
        if instruments != "labels" or not any("same_instrument" in phase.rules for phase in phases):
            return {"windows": windows}
        labels = [clips[0].label for pool in pools.values() for clips in pool.by_video]
        return {"windows": windows, "kinds": kinds_by_label(labels)}

    def _drawn(self, rule: Rule, num_sources: int, seed: int) -> Mixes:
        return drawn_mixes(self.validation, rule, num_sources, count=len(self.mixes), seed=seed)


def sources_of(clips: Sequence[DecodedClip], trained: TrainingClips, mixes: Mixes) -> Sources:
    """Of clips that may be used, those that are trained on and those that sound in the validation split."""
    by_video: defaultdict[str, list[DecodedClip]] = defaultdict(list)
    for clip in sorted(sounding(clips, "validation"), key=lambda clip: clip.clip_id):
        by_video[clip.video_id].append(clip)
    videos = tuple(tuple(by_video[video]) for video in sorted(by_video))
    alone = tuple(range(len(videos)))
    return Sources(pool_of(clips, trained), Pool(videos, (1.0,) * len(videos), alone, trained.num_samples), mixes)


def _beyond_any(phase: Phase) -> bool:
    return set(phase.rules) != {"any"}


def _ids(clips: Sequence[DecodedClip]) -> tuple[str, ...]:
    return tuple(clip.clip_id for clip in clips)


def _window(clip: DecodedClip) -> tuple[str, int, int]:
    return clip.clip_id, clip.start_sample, clip.num_samples
