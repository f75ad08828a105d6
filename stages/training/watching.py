"""What a separator hears where, looked at before anything is learnt and after each phase.

The claim is that training maximises how well the volume of a place agrees with coinciding onsets there; this says
whether it does (docs/coincidence.md). Checkpoints keep volumes, not what they agree with: a model need not be trained
anew when onsets are found in another way.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import torch

from stages.metrics.agreement import ClipAgreement, mean_agreement
from stages.metrics.volumes import volumes
from stages.metrics.watched import Watched, agreements
from stages.networks.separation import Separator
from stages.training.interrupt import Stop, end_if
from stages.training.tracker import Tracker

UNTRAINED = "untrained"
WATCHED_MIXES = 6  # a dozen clips: a few seconds

Seen = dict[str, Any]  # phase, step, volumes: of each mix, source, row and column of cells


@dataclass(frozen=True, slots=True)
class Watch:
    """Held-out mixes."""

    mixes: Sequence[Watched]
    bf16: bool  # as in training

    def look(self, separator: Separator, phase: str, step: int, stop: Stop) -> Seen:
        """Volumes as JSON values, as they are after `step` steps; ends the process once `stop` is requested."""
        found: list[Any] = []
        for mix in self.mixes:
            end_if(stop.requested)
            found.append(volumes(separator, mix.mixture, mix.frames, mix.motion, bf16=self.bf16).tolist())
        return {"phase": phase, "step": step, "volumes": found}

    def agreements(self, seen: Seen) -> list[ClipAgreement]:
        """Of all clips, from what `look` gave."""
        return agreements(self.mixes, [torch.tensor(of_mix) for of_mix in seen["volumes"]])

    def tell(self, tracker: Tracker, seen: Seen) -> None:
        """Log the mean over clips, where there is one."""
        mean = mean_agreement(self.agreements(seen))
        if mean is not None:
            tracker.log({"phase_agreement": mean}, int(seen["step"]))

    def card(self, all_seen: Sequence[Seen]) -> list[dict[str, Any]]:
        """What model.json keeps: phase, step, and each clip's agreement."""
        return [
            {"phase": seen["phase"], "step": seen["step"], "clips": [asdict(clip) for clip in self.agreements(seen)]}
            for seen in all_seen
        ]
