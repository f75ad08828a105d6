"""params.yaml as frozen, closed sections: bounds and units, no defaults, no derived values.

What is not written in params.yaml is invisible to DVC, so no field here has a default and nothing is computed: a value
that follows from others (a clip's number of samples, say) is computed in the room that needs it.
"""

from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import Annotated, Literal, Self

import yaml
from pydantic import Field, ValidationError, model_validator
from pydantic_core import ErrorDetails

from stages.bounds import Admit
from stages.curricula import Augmentation, Instruments, Optimizer, Phases, Pretrain, check_curricula, taught
from stages.separators import Model, Motions, Section

Name = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$")]
Share = Annotated[float, Field(ge=0, lt=1)]
Kind = Literal["different2", "different3", "different4", "same2", "video2", "shifted2", "shifted_same2"]
Sampling = Literal["videos", "labels"]
Flag = Literal["still", "dubbed"]
ListedSplit = Literal["train", "validation", "test"]
Folder = Annotated[str, Field(pattern=r"^(\.|[^/]+(/[^/]+)*)$")]  # below a root; "." is the root itself
Licence = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9.+-]*( (WITH|AND|OR) [A-Za-z0-9.+-]+)*$")]  # SPDX


class ParamsError(ValueError):
    """params.yaml says something that no stage can work with."""


@dataclass(frozen=True, slots=True)
class At:
    """Marks a stage's argument that lives deeper in params.yaml: `Annotated[Model, At("models.{item}")]`."""

    address: str


Videos = Annotated[str, At("index.videos")]
RejectShare = Annotated[float, At("index.max_reject_share")]


class Clip(Section):
    """The unit of learning: a window of sound and frames."""

    duration_s: float = Field(gt=0, le=60)
    sample_rate_hz: int = Field(ge=4000, le=96000)
    frame_rate_hz: int = Field(ge=1, le=60)
    frame_side_px: int = Field(ge=16, le=1024)


class Spectrogram(Section):
    """Short-time Fourier transform and its log-frequency warp."""

    fft_samples: int = Field(ge=64, le=8192, multiple_of=2)
    hop_samples: int = Field(ge=16, le=4096)
    log_frequency_rows: int = Field(ge=16, le=1024)


class Programme(Section):
    """How many videos an arrival folder gets."""

    solos_per_instrument: int = Field(ge=1)
    duets: int = Field(ge=0)
    twins: int = Field(ge=0)


class Staging(Section):
    """What makes it hard to see who sounds."""

    silent_share: Share
    distractor_share: float = Field(ge=0, le=1)
    idle: float = Field(ge=0, le=1)
    offset_ms: float = Field(ge=0, le=200)
    jitter_ms: float = Field(ge=0, le=100)


class Perform(Section):
    """The built-in corpus of rendered performances."""

    seed: int = Field(ge=0)
    instruments: tuple[Name, ...] = Field(min_length=2)
    regular: Programme
    shifted: Programme
    staging: Staging
    duration_s: float = Field(ge=2, le=120)
    frame_rate_hz: int = Field(ge=12, le=60)
    side_px: int = Field(ge=64, le=1024, multiple_of=2)


class ListFile(Section):
    """A published list of videos: its file in the folder `lists`, and the split of all its videos.

    Where `split` is null the list itself says, or else the hash of the video's id.
    """

    file: str = Field(pattern=r"^[^/]+$")
    format: Literal["music", "solos", "vggsound", "ave", "iquery"]
    split: ListedSplit | None


class Index(Section):
    """Which videos are taken, within which bounds, and how they are split."""

    videos: str = Field(min_length=1)
    builtin: tuple[Name, ...]
    shifted: tuple[Name, ...]
    min_duration_s: float = Field(gt=0)
    max_duration_s: float = Field(gt=0)
    min_side_px: int = Field(ge=1)
    max_side_px: int = Field(ge=1)
    max_frame_rate_hz: float = Field(gt=0)
    max_size_bytes: int = Field(ge=1)
    timeout_s: float = Field(gt=0)
    max_reject_share: float = Field(ge=0, le=1)
    validation_share: Share
    test_share: Share
    split_salt: int = Field(ge=0)
    cut_threshold: float = Field(ge=0, le=255)
    lists: dict[Name, ListFile]
    licences: dict[Folder, Licence]

    @model_validator(mode="after")
    def _leave_some_for_training(self) -> Self:
        if self.validation_share + self.test_share >= 1:
            raise ValueError("validation_share + test_share must be below 1, so that training has videos")
        return self


class Decode(Section):
    """How videos become shards."""

    jpeg_quality: int = Field(ge=50, le=100)
    motion_rate_hz: int = Field(ge=24, le=120)
    motion_side_cells: int = Field(ge=4, le=128)
    videos_per_shard: int = Field(ge=1)
    timeout_s: float = Field(gt=0)


class Consistency(Section):
    """The forward-backward check: |f + b|^2 <= relative * (|f|^2 + |b|^2) + absolute_px2."""

    check: bool
    relative: float = Field(ge=0, le=1)
    absolute_px2: float = Field(ge=0)


class Flow(Section):
    """Who estimates how pictures move, on what, and when it is believed."""

    backend: Literal["dis", "pwcnet"]
    preset: Literal["default", "lite"]
    weights: Annotated[str, Field(pattern=r"^[^/]+$")] | None
    device: Literal["auto", "cpu", "cuda"]
    precision: Literal["auto", "fp32", "bf16"]
    channels_last: bool
    compile: bool
    looks: int = Field(ge=1, le=4)
    refined: bool
    batch_pairs: int = Field(ge=1, le=4096)
    num_cpus: float = Field(gt=0, le=64)
    num_gpus: float = Field(ge=0, le=1)
    consistency: Consistency

    @model_validator(mode="after")
    def _name_what_can_run(self) -> Self:
        if self.backend == "pwcnet" and self.weights is None:
            raise ValueError("the backend pwcnet needs weights: name a file of the folder weights/, or choose dis")
        if self.backend == "dis" and self.device == "cuda":
            raise ValueError("the backend dis has no code for a GPU: set device to cpu, or choose pwcnet")
        return self


class Trajectories(Section):
    """Points that are carried along by flow."""

    grid_step_px: int = Field(ge=1, le=16)
    length_steps: int = Field(ge=1)
    min_valid: float | None = Field(ge=0, lt=1)


class Leakage(Section):
    """When two videos of different splits count as one, and what then."""

    action: Literal["report", "fail"]
    min_picture_likeness: float = Field(gt=0, le=1)
    min_picture_share: float = Field(gt=0, le=1)
    min_sound_landmarks: int = Field(ge=1)
    min_sound_share: float = Field(gt=0, le=1)


class Coincidence(Section):
    """When onsets of sound and motion count as such and as coinciding, and when a clip is flagged for it."""

    tolerance_frames: int = Field(ge=0, le=12)
    lead_ms: float = Field(ge=-200, le=200)
    lead_range_frames: int = Field(ge=0, le=12)
    sound_gap_ms: float = Field(ge=20, le=1000)
    sound_rise: float = Field(ge=0)
    motion_rise: float = Field(ge=0)
    still_motion: float = Field(ge=0, le=255)
    dubbed_lift: float
    dubbed_min_onsets: int = Field(ge=1)
    mismatched: int = Field(ge=1, le=1000)


class Mixes(Section):
    """The fixed mixes on which models are compared."""

    seed: int = Field(ge=0)
    min_rms_db: float = Field(le=0)
    validation: dict[Kind, int] = Field(min_length=1)
    test: dict[Kind, int] = Field(min_length=1)

    @model_validator(mode="after")
    def _validate_without_labels(self) -> Self:
        if barred := {"same2", "shifted2", "shifted_same2"} & set(self.validation):
            raise ValueError(
                f"{', '.join(sorted(barred))} cannot choose weights: validation sees no labels and no shifted videos"
            )
        return self


class Train(Section):
    """Mix-and-separate: `pretrain`, then each model's phases in their order.

    `workers` share out each batch, each a process of `threads`; `worker_cpus` is what each takes of its node.
    `num_kinds`: of looks or sounds, where `instruments` are told by them. `patience`: validations without a better one
    that end a phase.
    """

    seed: int = Field(ge=0)
    workers: int = Field(ge=1, le=1024)
    worker_cpus: float = Field(gt=0, le=64)
    threads: int = Field(ge=1)
    device: Literal["auto", "cpu", "cuda"]
    precision: Literal["auto", "fp32", "bf16"]
    channels_last: bool
    compile: bool
    leave_out: tuple[Flag, ...]
    sampling: Sampling
    mask: Literal["binary", "ratio"]
    gain_low: float = Field(gt=0)
    gain_high: float = Field(gt=0)
    augmentation: Augmentation
    pretrain: Pretrain
    batch_mixtures: int = Field(ge=1)
    optimizer: Optimizer
    curriculum: dict[Name, Phases]
    instruments: Instruments
    num_kinds: int = Field(ge=1)
    patience: Annotated[int, Field(ge=1)] | None
    validate_every_steps: int = Field(ge=1)
    checkpoint_every_steps: int = Field(ge=1)
    max_bad_batches: int = Field(ge=1)

    @model_validator(mode="after")
    def _have_rows_for_all(self) -> Self:
        rows = {"batch_mixtures": self.batch_mixtures}
        if self.pretrain.objective != "none":
            rows["pretrain.batch_clips"] = self.pretrain.batch_clips
        for name, count in rows.items():
            if count < self.workers:
                raise ValueError(f"workers: {self.workers} cannot share out {name} {count}; lower it, or raise {name}")
        return self

    def of(self, model: str) -> "Train":
        """With what one model is taught alone: phases of others, or left out, change nothing that it learns."""
        return self.model_copy(update={"curriculum": {model: taught(self.curriculum[model])}})


class Evaluate(Section):
    """How estimates are made and scored."""

    mask: Literal["soft", "binary"]
    filter_taps: int = Field(ge=1, le=1024)
    bootstrap_resamples: int = Field(ge=100)
    bootstrap_seed: int = Field(ge=0)


class Gate(Section):
    """When a version may take the champion's place."""

    kinds: tuple[Kind, ...] = Field(min_length=1)
    confidence: float = Field(ge=0.5, lt=1)
    min_videos: int = Field(ge=2)
    effect_db: float = Field(gt=0)
    instrument_min_videos: int = Field(ge=2)
    instrument_loss_db: float = Field(ge=0)
    swap_kind: Kind
    min_swap_drop_db: float = Field(ge=0)
    max_silent_share: float = Field(ge=0, le=1)
    max_latency_ms: float = Field(gt=0)
    max_size_bytes: int = Field(ge=1)


class Register(Section):
    """What a model version carries, and when it is better."""

    examples: int = Field(ge=0, le=32)
    alias: Name
    gate: Gate


class Params(Section):
    """The whole file."""

    clip: Clip
    spectrogram: Spectrogram
    perform: Perform
    index: Index
    decode: Decode
    flow: Flow
    trajectories: Trajectories
    leakage: Leakage
    coincidence: Coincidence
    admit: Admit
    mixes: Mixes
    models: dict[Name, Model] = Field(min_length=1)
    train: Train
    evaluate: Evaluate
    register_: Register = Field(alias="register")

    @model_validator(mode="after")
    def _teach_every_model(self) -> Self:
        check_curricula(self.models, self.train.curriculum, self.train.instruments)
        return self

    @model_validator(mode="after")
    def _share_out_binary_masks(self) -> Self:
        competitive = [name for name, model in self.models.items() if model.head == "competitive"]
        if competitive and self.train.mask == "ratio":
            raise ValueError(
                f"models.{competitive[0]}.head competitive shares each bin out, which a ratio above 1 defies; with "
                f"train.mask ratio use head independent"
            )
        return self

    @model_validator(mode="after")
    def _keep_time(self) -> Self:
        for name, model in self.models.items():
            if isinstance(model, Motions):
                self._check_rates(f"models.{name}", model)
        return self

    @model_validator(mode="after")
    def _move_where_onsets_are_learnt(self) -> Self:
        still = [name for name, model in self.models.items() if model.kind == "pixels" or model.motion.input == "none"]
        if still and self.train.pretrain.objective == "coincidence":
            raise ValueError(
                f"models.{still[0]} sees no motion, which train.pretrain.objective coincidence would teach; set that "
                f"to none or correspondence, or leave the model out"
            )
        return self

    def _check_rates(self, where: str, model: Motions) -> None:
        pictured = model.motion.input in {"none", "difference"}
        rate_hz = self.decode.motion_rate_hz if pictured else self.clip.frame_rate_hz
        if model.motion.rate_hz != rate_hz:
            source = "decode.motion_rate_hz" if pictured else "clip.frame_rate_hz"
            raise ValueError(f"{where}.motion.rate_hz: expected {rate_hz} as {source}, found {model.motion.rate_hz}")
        for level in model.audio.film_levels if model.conditioning == "film" else ():
            stride = prod(model.audio.time_strides[:level]) * self.spectrogram.hop_samples
            steps_hz = self.clip.sample_rate_hz / stride
            if steps_hz < model.audio.min_film_rate_hz:
                raise ValueError(
                    f"{where}.audio: level {level} of film_levels has {steps_hz:.1f} steps a second, fewer than "
                    f"min_film_rate_hz {model.audio.min_film_rate_hz}: motion is lost; set more time_strides to 1"
                )
        if model.fusion.rule == "alone" and self.train.pretrain.objective == "correspondence":
            raise ValueError(
                f"{where}.fusion.rule alone has no appearance network, which train.pretrain.objective correspondence "
                f"would teach; set that to none or coincidence"
            )


def read(path: Path) -> Params:
    """Read and check a params file; `ParamsError` lists every wrong key with what was found."""
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
        return Params.model_validate(content)
    except (OSError, yaml.YAMLError) as error:
        raise ParamsError(f"{path}: cannot be read: {error}") from error
    except ValidationError as error:
        faults = "\n".join(map(_fault, error.errors()))
        raise ParamsError(f"{path}: {error.error_count()} wrong entries\n{faults}") from error


def _fault(error: ErrorDetails) -> str:
    """One line; what was found is left out where it is the whole file: the message then names the entries."""
    found = f", found {error['input']!r}" if error["loc"] else ""
    return f"  {_address(error['loc']) or 'params'}: {error['msg']}{found}"


def _address(place: tuple[int | str, ...]) -> str:
    """Dotted, without the kind that pydantic puts behind a model's name."""
    parts = place[:2] + place[3:] if place[:1] == ("models",) and len(place) > 3 else place
    return ".".join(map(str, parts))
