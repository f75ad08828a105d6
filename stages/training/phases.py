"""The way of a training run: pretraining, if any, then one phase after the other.

What a leg of it learns depends on those before, not on those after: its key names the former alone, so that runs which
begin alike share their beginning.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from stages.curricula import PRETRAINING, Phase, Pretrain
from stages.shards.files import sha256_json


@dataclass(frozen=True, slots=True)
class Leg:
    """A stretch of the way. Steps are counted over all legs, as though none ended early."""

    phase: Phase  # of pretraining the first one, at whose rates it learns
    pretraining: bool
    first: int  # step at which it begins
    mixed: int  # steps with mixtures before it
    before: tuple[Phase, ...]  # earlier ones

    @property
    def name(self) -> str:
        """Of the phase, or what stands before all."""
        return PRETRAINING if self.pretraining else self.phase.name

    def last(self, pretrain: Pretrain) -> int:
        """Step at which it ends, if not before."""
        return self.first + (pretrain.steps if self.pretraining else self.phase.steps)

    def key(self, base: Mapping[str, Any]) -> str:
        """Names what it learns, given all that the legs of a run have in common."""
        if self.pretraining:
            rates = self.phase.model_dump(mode="json", include={"rate", "appearance_rate", "decay_steps"})
            return sha256_json({**base, "pretraining": rates})
        phases = [phase.model_dump(mode="json") for phase in (*self.before, self.phase)]
        return sha256_json({**base, "phases": phases})


def legs_of(phases: Sequence[Phase], pretrain: Pretrain) -> tuple[Leg, ...]:
    """All legs, in their order."""
    taught = pretrain.objective != "none"
    legs = [Leg(phases[0], pretraining=True, first=0, mixed=0, before=())] if taught else []
    mixed = 0
    for place, phase in enumerate(phases):
        first = mixed + (pretrain.steps if taught else 0)
        legs.append(Leg(phase, pretraining=False, first=first, mixed=mixed, before=tuple(phases[:place])))
        mixed += phase.steps
    return tuple(legs)
