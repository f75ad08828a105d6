"""The loop: from wherever the last checkpoint stands until time, steps or patience of the machine end."""

import math
import time
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from stages.motion.pwcnet import estimate_flow
from stages.motion.synthetic import Pairs
from stages.shards.files import write_json
from stages.teaching.again import left_over
from stages.teaching.believed import belief_loss, believed
from stages.teaching.checkpoint import Progress, resume, save
from stages.teaching.curriculum import Curriculum
from stages.teaching.losses import endpoint_error, multi_scale_loss
from stages.teaching.observed import Observed
from stages.teaching.pupil import Pupil
from stages.training.interrupt import Stop
from stages.training.seeding import generator
from stages.training.tracker import Tracker

CURVES = "curves.json"
_HELD_OUT = {"small": 0.15, "medium": 0.4, "large": 1.0}  # scale of motions by name
_SPEAK_STEPS = 20
_TURN = 2  # where frames are given, one batch in so many has no truth
_AGAIN = 2  # one made-up batch in so many is a second look, from half of the way to the hardest scenes on
_ROUND = 4  # made-up batches; from there on the last two of a round have larger pairs, as enlarged frames are larger


@dataclass(frozen=True, slots=True)
class Limits:
    """When a chunk ends."""

    wall_s: float
    steps: int | None  # of all chunks together
    until: int | None = None  # step at which all teaching is over: the rate falls to nothing on the way there

    def reached(self, steps: int, wall_s: float) -> bool:
        """After so many steps, so long after the chunk began."""
        return wall_s >= self.wall_s or any(last is not None and steps >= last for last in (self.steps, self.until))

    def share(self, step: int, settling_share: float) -> float:
        """Of the rate at a step: the last `settling_share` of the steps take it evenly to nothing."""
        return 1.0 if self.until is None else min(1.0, (self.until - step) / (settling_share * self.until))


class Lessons:
    """Learning from made-up pairs, and where frames are given from them too, in turn."""

    def __init__(self, pupil: Pupil, folder: Path, tracker: Tracker, frames: Path | None = None) -> None:
        self._pupil, self._folder, self._tracker = pupil, folder, tracker
        self._observed = Observed(frames, pupil.recipe, pupil.device) if frames else None
        self._curriculum = Curriculum(pupil.recipe, pupil.device)
        self._held_out = {name: self._curriculum.held_out(scale) for name, scale in _HELD_OUT.items()}

    def complete(self, limits: Limits, stop: Stop) -> Progress:
        """Teach until a limit or a request to stop; either leaves a checkpoint."""
        recipe = self._pupil.recipe
        progress, began = resume(self._folder, self._pupil), _now()
        spent = progress.wall_s, progress.cpu_s
        while not stop.requested and not limits.reached(progress.step, _now()[0] - began[0]):
            self._advance(progress, limits.share(progress.step, recipe.settling_share))
            progress.wall_s, progress.cpu_s = (
                s + now - then for s, now, then in zip(spent, _now(), began, strict=True)
            )
            if progress.step % recipe.validate_steps == 0:
                self._validate(progress)
            if progress.step % recipe.checkpoint_steps == 0:
                save(self._folder, self._pupil, progress)
        save(self._folder, self._pupil, progress)
        return progress

    def _advance(self, progress: Progress, share: float) -> None:
        unlabelled = self._observed is not None and progress.step % _TURN == _TURN - 1
        larger = not unlabelled and self._turn(progress.step) % _ROUND >= _ROUND // 2
        loss = self._unlabelled(progress.step) if unlabelled else self._labelled(progress.step, larger=larger)
        value = self._pupil.learn(loss, progress.step, share=share)
        progress.step += 1
        progress.unlabelled_batches += unlabelled
        progress.larger_batches += larger
        if math.isnan(value):
            progress.bad_batches += 1
            return
        (progress.unlabelled_losses if unlabelled else progress.losses).append(value)
        if progress.step % _SPEAK_STEPS == 0 and progress.losses:
            self._tracker.log({"loss": progress.losses[-1], "bad_batches": progress.bad_batches}, progress.step)

    def _turn(self, step: int) -> int:
        """Number of a made-up batch among those of its like; 0 while scenes are easy."""
        if step < self._pupil.recipe.ramp_steps // 2:
            return 0
        return step // _TURN if self._observed else step

    def _labelled(self, step: int, *, larger: bool) -> Tensor:
        pairs = self._curriculum.at(step, larger=larger)
        if self._turn(step) % _AGAIN:
            pairs = left_over(self._pupil.average, pairs, generator("flow squares", self._pupil.recipe.seed, step))
        return multi_scale_loss(self._pupil.flows(pairs.first, pairs.second), pairs)

    def _unlabelled(self, step: int) -> Tensor:
        assert self._observed is not None
        pairs = believed(self._pupil.average, *self._observed.at(step))
        return belief_loss(self._pupil.flows(pairs.first, pairs.second), pairs)

    def _validate(self, progress: Progress) -> None:
        errors = {name: validate(self._pupil, pairs) for name, pairs in self._held_out.items()}
        row = {f"{name}_{what}": value for name, found in errors.items() for what, value in found.items()}
        for name, losses in (("loss", progress.losses), ("unlabelled_loss", progress.unlabelled_losses)):
            row |= {name: sum(losses) / len(losses)} if losses else {}
            losses.clear()
        self._tracker.log(row, progress.step)
        progress.history.append({"step": progress.step, "cpu_s": progress.cpu_s, "wall_s": progress.wall_s} | row)
        write_json(self._folder / CURVES, progress.history)
        print(" ".join(f"{name} {value:.3f}" for name, value in progress.history[-1].items()), flush=True)


def validate(pupil: Pupil, pairs: Pairs) -> dict[str, float]:
    """Endpoint error in px of the averaged network, of its second look, and of no motion at all."""
    flow, again = (estimate_flow(pupil.average, pairs.first, pairs.second, looks) for looks in (1, 2))
    flows = {"error_px": flow, "again_px": again, "zero_px": torch.zeros_like(flow)}
    return {name: float(endpoint_error(values, pairs).mean()) for name, values in flows.items()}


def _now() -> tuple[float, float]:
    """Wall and CPU seconds."""
    return time.monotonic(), time.process_time()
