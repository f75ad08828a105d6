"""The training loop: learn, validate, keep; from wherever the last checkpoint stands."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from stages.params import Train
from stages.progress import progress
from stages.training.ahead import made_ahead
from stages.training.batches import Batch, Batches
from stages.training.checkpoint import Checkpoints, TrainingState
from stages.training.interrupt import Stop
from stages.training.learner import Learner
from stages.training.tracker import Tracker
from stages.training.validation import ValidationMix, mean_si_sdr

_STEPS_BETWEEN_LOGS = 10


class TrainingError(ValueError):
    """Learning cannot go on."""


@dataclass(frozen=True, slots=True)
class Course:
    """All that a training run works with."""

    learner: Learner
    batches: Batches
    mixes: Sequence[ValidationMix]
    checkpoints: Checkpoints
    tracker: Tracker
    train: Train

    def complete(self, label: str, stop: Stop) -> TrainingState:
        """Train to the last step, or until `stop` is requested; either leaves a checkpoint."""
        state = self.checkpoints.resume(self.learner)
        with (
            made_ahead(self._batch, self._last) as batch_of,
            progress(f"train {label}", total=self._last - state.step, unit="steps") as meter,
        ):
            while not self.finished(state) and not stop.requested:
                if self._validation_due(state):
                    self._validate(state, stop)
                else:
                    self._advance(state, batch_of(state.step))
                    meter.advance(1, _note(state))
                self._keep(state, stop)
        return state

    def finished(self, state: TrainingState) -> bool:
        """Whether all steps are done and the last one is validated."""
        return state.step == self._last and not self._validation_due(state)

    @property
    def _first(self) -> int:
        """The first step with mixtures: those of pretraining come before."""
        pretrain = self.train.pretrain
        return 0 if pretrain.objective == "none" else pretrain.steps

    @property
    def _last(self) -> int:
        return self._first + self.train.steps

    def _validation_due(self, state: TrainingState) -> bool:
        mixed = state.step - self._first
        at_interval = mixed > 0 and (mixed % self.train.validate_every_steps == 0 or state.step == self._last)
        return at_interval and state.validated_step != state.step

    def _batch(self, step: int) -> Batch:
        return self.batches.clips_at(step) if step < self._first else self.batches.at(step - self._first)

    def _learn(self, batch: Batch, step: int) -> float:
        if step < self._first:
            return self.learner.pretrain(batch, step)
        return self.learner.learn(batch, step - self._first)

    def _advance(self, state: TrainingState, batch: Batch) -> None:
        loss = self._learn(batch, state.step)
        state.step += 1
        if math.isfinite(loss):
            state.bad_in_a_row = 0
            state.losses.append(loss)
        else:
            state.bad_in_a_row += 1
            state.bad_batches += 1
        self._refuse_a_lost_cause(state)
        if state.step % _STEPS_BETWEEN_LOGS == 0 and state.losses:
            name = "loss" if state.step > self._first else f"{self.train.pretrain.objective}_loss"
            self.tracker.log({name: state.losses[-1], "bad_batches": state.bad_batches}, state.step)
        if state.step == self._first:
            state.losses.clear()  # of another objective than those that follow

    def _refuse_a_lost_cause(self, state: TrainingState) -> None:
        if state.bad_in_a_row >= self.train.max_bad_batches:
            raise TrainingError(
                f"step {state.step}: loss or gradient was not finite in {state.bad_in_a_row} batches in a row "
                f"(train.max_bad_batches); lower train.optimizer.rate or use train.precision fp32. Checkpoints stay"
            )

    def _validate(self, state: TrainingState, stop: Stop) -> None:
        si_sdr_db = mean_si_sdr(self.learner.separator, self.mixes, stop)
        if stop.requested:
            return  # cut short: whoever resumes validates this step first
        loss = sum(state.losses) / len(state.losses) if state.losses else None
        state.history.append({"step": state.step, "loss": loss, "si_sdr_db": si_sdr_db})
        state.losses.clear()
        state.validated_step = state.step
        if si_sdr_db is None:
            return
        self.tracker.log({"validation_si_sdr_db": si_sdr_db}, state.step)
        if state.best_si_sdr_db is None or si_sdr_db > state.best_si_sdr_db:
            state.best_step, state.best_si_sdr_db = state.step, si_sdr_db

    def _keep(self, state: TrainingState, stop: Stop) -> None:
        at_interval = state.step % self.train.checkpoint_every_steps == 0 and not self._validation_due(state)
        if stop.requested or at_interval or state.best_step == state.step or self.finished(state):
            self.checkpoints.save(self.learner, state)


def _note(state: TrainingState) -> str:
    loss = f"loss {state.losses[-1]:.3f}" if state.losses else ""
    last = state.history[-1]["si_sdr_db"] if state.history else None
    return f"step {state.step} {loss}" + ("" if last is None else f" validation SI-SDR {last:.2f} dB")
