"""Takes a separator through pretraining and the phases of its curriculum, from wherever checkpoints stand."""

import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from stages import layout
from stages.curricula import Rule
from stages.networks.separation import Separator
from stages.networks.sight import MotionWindows
from stages.params import Train
from stages.progress import Meter, progress
from stages.shards.files import write_json
from stages.training.batches import Batches, Media
from stages.training.checkpoint import Checkpoints, TrainingState, open_checkpoints
from stages.training.curriculum import Sampler
from stages.training.export import best_step
from stages.training.interrupt import AgreedStop, Stop, end_if
from stages.training.kinds import Kinds, heard, labelled, seen
from stages.training.learner import Learner
from stages.training.loop import Course, TrainingError
from stages.training.phases import Leg
from stages.training.ranks import ALONE, Ranks
from stages.training.sources import Sources
from stages.training.tracker import Tracker, closing
from stages.training.validation import ValidationMix, read_mixes
from stages.training.watching import UNTRAINED, Seen, Watch


@dataclass(frozen=True, slots=True)
class Reached:
    """Where a leg has ended."""

    leg: Leg
    checkpoints: Checkpoints
    state: TrainingState
    seen: list[Seen]  # before all and after each leg, this one too


@dataclass(frozen=True, slots=True)
class PhasedTraining:
    """All that the legs of a training run have in common."""

    separator: Separator  # untrained
    train: Train
    sources: Sources
    media: Media
    windows: MotionWindows | None
    videos: Mapping[str, list[str]]  # ids of all that shape the model, kept beside its checkpoints
    tracker: Tracker
    watch: Watch
    ranks: Ranks = ALONE

    def complete(self, label: str, legs: Mapping[Path, Leg], stop: Stop) -> Reached:
        """Take the separator to the end of the last leg; ends the process where `stop` is requested before.

        Args:
            label: The model's name.
            legs: In their order, by the folders of their checkpoints.
            stop: Asked between steps.
        """
        reached: Reached | None = None
        skipped = self._done_before(legs)
        total = sum(leg.last(self.train.pretrain) - leg.first for leg in legs.values())
        with progress(f"train {label}", total=total, unit="steps") as meter:
            for folder, leg in legs.items():
                if folder in skipped:
                    meter.skip(leg.last(self.train.pretrain) - leg.first)
                    self._tell_of(leg, skipped[folder])
                else:
                    reached = self._take(leg, folder, reached, meter, stop)
        assert reached is not None
        return reached

    def _done_before(self, legs: Mapping[Path, Leg]) -> dict[Path, TrainingState]:
        """Legs before the last one that has a checkpoint, with its state: nothing else of them is needed."""
        folders = list(legs)
        for place in reversed(range(len(folders))):
            with open_checkpoints(folders[place], self.ranks) as checkpoints:
                state = checkpoints.newest()
            if state is not None:
                return dict.fromkeys(folders[:place], state)
        return {}

    def _tell_of(self, leg: Leg, state: TrainingState) -> None:
        with closing(self.tracker.phase(leg.name, _params(leg))) as tracker:
            _tell(tracker, leg, state)
            for found in state.seen:
                if found["phase"] == leg.name:
                    self.watch.tell(tracker, found)

    def _take(self, leg: Leg, folder: Path, before: Reached | None, meter: Meter, stop: Stop) -> Reached:
        with (
            closing(self.tracker.phase(leg.name, _params(leg))) as tracker,
            open_checkpoints(folder, self.ranks) as checkpoints,
        ):
            if self.ranks.rank == 0:
                write_json(folder / layout.TRAINING_VIDEOS, dict(self.videos))
            learner = Learner(self.separator, self.train, leg.phase, self.ranks)
            state = checkpoints.resume(learner) or self._begin(leg, learner, before, stop)
            self._check_agreement(folder, state)
            _tell(tracker, leg, state)
            course = self._course(leg, learner, state, checkpoints, tracker)
            course.complete(state, meter, stop)
            self.ranks.any(False)  # the first one has kept what all read next
            end_if(not course.finished(state))
            step = best_step(state)
            self.separator.net.load_state_dict(checkpoints.weights(step))
            found = self.watch.look(self.separator, leg.name, step, AgreedStop(self.ranks, stop))
            self.watch.tell(tracker, found)
        return Reached(leg, checkpoints, state, [*state.seen, found])

    def _begin(self, leg: Leg, learner: Learner, before: Reached | None, stop: Stop) -> TrainingState:
        """From the best weights of the leg before, with moments of its own; from pretraining all goes on as it is."""
        state = TrainingState(step=leg.first)
        if before is not None:
            if before.leg.pretraining:
                before.checkpoints.resume(learner)
            else:
                self.separator.net.load_state_dict(before.checkpoints.weights(best_step(before.state)))
            state.history, state.bad_batches = list(before.state.history), before.state.bad_batches
            state.seen = list(before.seen)
        else:
            state.seen = [self.watch.look(self.separator, UNTRAINED, 0, AgreedStop(self.ranks, stop))]
        if not leg.pretraining and "same_instrument" in leg.phase.rules:
            kinds = self._kinds()
            state.kinds, state.validation_kinds = list(kinds.train), list(kinds.validation)
        return state

    def _check_agreement(self, folder: Path, state: TrainingState) -> None:
        """`TrainingError` unless all ranks begin where the first one does."""
        begun = (state.step, state.validated_step, state.best_step, state.kinds, state.validation_kinds)
        mark = float(zlib.crc32(repr(begun).encode()))
        if self.ranks.told(mark) != mark:
            raise TrainingError(
                f"{folder}: rank {self.ranks.rank} would begin at step {state.step} from another state than the first "
                f"rank; all nodes must share PIXELS_STORE and the data"
            )

    def _kinds(self) -> Kinds:
        train, videos = self.train, (self.sources.train.by_video, self.sources.validation.by_video)
        if train.instruments == "labels":
            return labelled(*videos)
        tell = seen if train.instruments == "look" else heard
        return tell(self.separator, self.media, videos, num_kinds=train.num_kinds, seed=train.seed)

    def _course(
        self, leg: Leg, learner: Learner, state: TrainingState, checkpoints: Checkpoints, tracker: Tracker
    ) -> Course:
        sources, appearance = self.sources, self.separator.model.appearance
        if state.kinds:
            sources = sources.of_kinds(Kinds(tuple(state.kinds), tuple(state.validation_kinds)))
        mixes: dict[Rule, list[ValidationMix]] = {}
        if not leg.pretraining:
            sources.check(leg.phase, list(leg.phase.rules))
            for rule, ids in sources.validation_mixes(leg.phase, seed=self.train.seed).items():
                mixes[rule] = read_mixes(self.media, ids, appearance, sources.train.num_samples, self.windows)
        return Course(
            leg=leg,
            learner=learner,
            batches=Batches(
                self.media, Sampler(sources.train, leg.phase, self.train.seed), appearance, self.train, self.windows
            ),
            mixes=mixes,
            checkpoints=checkpoints,
            tracker=tracker,
            train=self.train,
        )


def _tell(tracker: Tracker, leg: Leg, state: TrainingState) -> None:
    """Validations of a leg from before: a record that has them takes no point twice."""
    for entry in state.history:
        score, step = entry["si_sdr_db"], entry["step"]
        if entry["phase"] == leg.name and score is not None:
            tracker.log({"validation_si_sdr_db": float(score)}, int(step or 0))


def _params(leg: Leg) -> dict[str, Any]:
    """Of pretraining the rates alone."""
    rates = {"rate", "appearance_rate", "decay_steps"}
    return leg.phase.model_dump(mode="json", include=rates if leg.pretraining else None)
