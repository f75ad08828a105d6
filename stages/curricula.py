"""The sections of params.yaml that say in which phases a model learns, from what and at which rates."""

from collections.abc import Mapping
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from stages.separators import Model, Motions, Section

Rule = Literal["any", "same_instrument", "same_video"]
Instruments = Literal["look", "sound", "labels"]
PRETRAINING = "pretrain"  # what stands before the phases

_SHARE_ERROR = 1e-6


class Augmentation(Section):
    """How pictures vary in training, beyond a random square and a flip; alike for all frames of a clip.

    Each is the half-width of a uniform draw: of the side shown (relative), of where it lies (relative to half the
    side), of contrast and brightness of each colour channel (1 = the whole range).
    """

    zoom: float = Field(ge=0, lt=1)
    shift: float = Field(ge=0, lt=1)
    contrast: float = Field(ge=0, lt=1)
    brightness: float = Field(ge=0, lt=1)
    shuffle_channels: bool


class Pretrain(Section):
    """What is learnt before mixtures come.

    none: nothing. correspondence: the appearance network learns which picture goes with which sound. coincidence: the
    motion network learns where motion begins when sound does; `sound_gap_ms` and `sound_rise` are of its onsets of
    sound, as in Coincidence.
    """

    objective: Literal["none", "correspondence", "coincidence"]
    steps: int = Field(ge=1)
    batch_clips: int = Field(ge=2)
    sound_gap_ms: float = Field(ge=20, le=1000)
    sound_rise: float = Field(ge=0)


class Optimizer(Section):
    """What all phases share; `decay` is the factor at each of a phase's `decay_steps`."""

    algorithm: Literal["sgd", "adamw"]
    momentum: float = Field(ge=0, lt=1)
    weight_decay: float = Field(ge=0)
    warmup_steps: int = Field(ge=0)
    decay: float = Field(gt=0, le=1)


class Phase(Section):
    """`rules`: whose sounds are mixed, and for which share of the mixtures; a phase of 0 `steps` is left out.

    `rate` drives audio network, synthesizer, fusion and last appearance layer; `appearance_rate` the ResNet below it
    and the motion network. Both rise over `optimizer.warmup_steps`, and fall at `decay_steps`, counted in the phase.
    """

    name: str = Field(pattern=r"^[A-Za-z][A-Za-z0-9_]*$")
    rules: dict[Rule, Annotated[float, Field(gt=0, le=1)]] = Field(min_length=1)
    num_sources: int = Field(ge=2, le=4)
    steps: int = Field(ge=0)
    rate: float = Field(gt=0)
    appearance_rate: float = Field(gt=0)
    decay_steps: tuple[int, ...]

    @model_validator(mode="after")
    def _share_all_mixtures_out(self) -> Self:
        if abs(sum(self.rules.values()) - 1) > _SHARE_ERROR:
            raise ValueError(f"phase {self.name}: shares of rules must add up to 1, found {self.rules}")
        return self


Phases = Annotated[tuple[Phase, ...], Field(min_length=1)]


def taught(phases: tuple[Phase, ...]) -> tuple[Phase, ...]:
    """Those that are not left out."""
    return tuple(phase for phase in phases if phase.steps)


def check_curricula(
    models: Mapping[str, Model], curriculum: Mapping[str, tuple[Phase, ...]], instruments: Instruments
) -> None:
    """`ValueError` where phases and models do not fit together; phases of a model that is left out stay unused."""
    for name in models:
        if name not in curriculum:
            raise ValueError(f"train.curriculum: no phases for the model {name}; add a list train.curriculum.{name}")
    for name, all_phases in curriculum.items():
        names = [phase.name for phase in all_phases]
        if len({*names, PRETRAINING}) <= len(names):
            raise ValueError(f"train.curriculum.{name}: names must differ, also from {PRETRAINING}, found {names}")
        phases = taught(all_phases)
        if not phases:
            raise ValueError(f"train.curriculum.{name}: no phase has steps, found {names}; give one some")
        model = models.get(name)
        blind = isinstance(model, Motions) and model.fusion.rule == "alone"
        alike = [phase.name for phase in phases if "same_instrument" in phase.rules]
        if blind and alike and instruments == "look":
            raise ValueError(
                f"train.curriculum.{name}: phase {alike[0]} mixes by same_instrument, and train.instruments look takes "
                f"instruments from an appearance network, which fusion.rule alone lacks; set train.instruments to "
                f"sound or labels, or choose another rule"
            )
