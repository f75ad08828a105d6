"""The training loop of one leg: learn, validate, keep; from wherever its state stands."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from stages.curricula import Rule
from stages.params import Train
from stages.progress import Meter
from stages.training.ahead import made_ahead
from stages.training.batches import Batch, Batches
from stages.training.checkpoint import Checkpoints, TrainingState
from stages.training.interrupt import Stop
from stages.training.learner import Learner
from stages.training.phases import Leg
from stages.training.ranks import Ranks
from stages.training.tracker import Tracker
from stages.training.validation import ValidationMix, mean_over_rules

_STEPS_BETWEEN_LOGS = 10


class TrainingError(ValueError):
    """Learning cannot go on."""


@dataclass(frozen=True, slots=True)
class Course:
    """All that one leg of a training run works with; of several ranks the first alone validates, logs and keeps."""

    leg: Leg
    learner: Learner
    batches: Batches
    mixes: Mapping[Rule, Sequence[ValidationMix]]
    checkpoints: Checkpoints
    tracker: Tracker
    train: Train

    def complete(self, state: TrainingState, meter: Meter, stop: Stop) -> None:
        """Take `state` to the leg's end, or until `stop` is requested of any rank; either leaves a checkpoint."""
        meter.skip(state.step - self.leg.first)
        with made_ahead(self._batch, self._last) as batch_of:
            asked = self._ranks.any(stop.requested)
            while not self.finished(state) and not asked:
                if self._validation_due(state):
                    self._validate(state, stop)
                else:
                    self._advance(state, batch_of(state.step))
                    if self._first:
                        meter.advance(1, self._note(state))
                asked = self._ranks.any(stop.requested)
                self._keep(state, asked)
        if self.finished(state):
            meter.skip(self._last - state.step)

    def finished(self, state: TrainingState) -> bool:
        """Whether all steps are done and the last one is validated, or patience has come to its end before."""
        return not self._validation_due(state) and (state.step == self._last or self._worn_out(state))

    @property
    def _ranks(self) -> Ranks:
        return self.learner.ranks

    @property
    def _first(self) -> bool:
        return self._ranks.rank == 0

    @property
    def _last(self) -> int:
        return self.leg.last(self.train.pretrain)

    def _worn_out(self, state: TrainingState) -> bool:
        """Whether as many validations as train.patience says have passed without a better one."""
        patience, best = self.train.patience, state.best_step
        if patience is None or best is None:
            return False
        return sum(int(entry["step"] or 0) > best for entry in state.history) >= patience

    def _validation_due(self, state: TrainingState) -> bool:
        done = state.step - self.leg.first
        at_interval = done > 0 and (done % self.train.validate_every_steps == 0 or state.step == self._last)
        return at_interval and not self.leg.pretraining and state.validated_step != state.step

    def _batch(self, step: int) -> Batch:
        if self.leg.pretraining:
            return self.batches.clips_at(step, self._ranks)
        return self.batches.at(step - self.leg.first + self.leg.mixed, self._ranks)

    def _learn(self, batch: Batch, step: int) -> float:
        learn = self.learner.pretrain if self.leg.pretraining else self.learner.learn
        return learn(batch, step - self.leg.first)

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
            name = f"{self.train.pretrain.objective}_loss" if self.leg.pretraining else "loss"
            self.tracker.log({name: state.losses[-1], "bad_batches": state.bad_batches}, state.step)

    def _refuse_a_lost_cause(self, state: TrainingState) -> None:
        if state.bad_in_a_row >= self.train.max_bad_batches:
            raise TrainingError(
                f"step {state.step}: loss or gradient was not finite in {state.bad_in_a_row} batches in a row "
                f"(train.max_bad_batches); lower the rate of phase {self.leg.phase.name} or use train.precision fp32. "
                f"Checkpoints stay"
            )

    def _validate(self, state: TrainingState, stop: Stop) -> None:
        own = mean_over_rules(self.learner.separator, self.mixes, stop) if self._first else None
        si_sdr_db = self._ranks.told(own)
        if self._ranks.any(stop.requested):
            return  # cut short: whoever resumes validates this step first
        loss = sum(state.losses) / len(state.losses) if state.losses else None
        state.history.append({"phase": self.leg.name, "step": state.step, "loss": loss, "si_sdr_db": si_sdr_db})
        state.losses.clear()
        state.validated_step = state.step
        if si_sdr_db is None:
            return
        self.tracker.log({"validation_si_sdr_db": si_sdr_db}, state.step)
        if state.best_si_sdr_db is None or si_sdr_db > state.best_si_sdr_db:
            state.best_step, state.best_si_sdr_db = state.step, si_sdr_db

    def _keep(self, state: TrainingState, asked: bool) -> None:
        at_interval = state.step % self.train.checkpoint_every_steps == 0 and not self._validation_due(state)
        due = asked or at_interval or state.best_step == state.step or self.finished(state)
        if due and self._first:
            self.checkpoints.save(self.learner, state)

    def _note(self, state: TrainingState) -> str:
        loss = f"loss {state.losses[-1]:.3f}" if state.losses else ""
        last = state.history[-1]["si_sdr_db"] if state.history else None
        score = "" if last is None else f" validation SI-SDR {last:.2f} dB"
        return f"{self.leg.name} step {state.step} {loss}{score}"
