"""The sections of params.yaml that describe a separator: what it sees and the networks it is made of.

Apart from `stages.params`, which has all others, since they travel with a model's weights.
"""

from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

Head = Literal["independent", "competitive"]
FROM_NOISE, FROM_IMAGENET = "none", "imagenet"  # instead of a file's name
_RESNET_WIDTH = 64


class Section(BaseModel):
    """A part of params.yaml: immutable, and no key may be missing, extra or mistyped."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Appearance(Section):
    """The appearance network (VAN): a dilated ResNet-18 on single frames.

    `weights` that it starts from: none, a file of the folder weights/ with a state dict of torchvision's resnet18, or
    imagenet, torchvision's own; the latter two with 64 `base_channels`.
    """

    base_channels: int = Field(ge=4, le=128)
    weights: Annotated[str, Field(pattern=r"^[^/]+$")]
    pooling: Literal["max", "mean"]
    standardise: bool
    num_frames: int = Field(ge=1, le=16)
    frame_stride: int = Field(ge=1)
    crop_px: int = Field(ge=32, le=1024, multiple_of=16)

    @model_validator(mode="after")
    def _fit_its_weights(self) -> Self:
        if self.weights != FROM_NOISE and self.base_channels != _RESNET_WIDTH:
            raise ValueError(
                f"weights {self.weights} are those of a ResNet-18 with base_channels {_RESNET_WIDTH}, found "
                f"{self.base_channels}; set that, or weights to {FROM_NOISE}"
            )
        return self


class Audio(Section):
    """The audio network (AAN): a U-Net on the log-magnitude spectrogram."""

    levels: int = Field(ge=2, le=8)
    base_channels: int = Field(ge=4, le=128)


class Pixels(Section):
    """Separator that looks at pictures; `channels` is K, the number of audio components and of appearance features.

    `sees` names the stage whose results a model of any kind looks at, beside those of `decode`: DVC's dependency.
    """

    kind: Literal["pixels"]
    sees: Literal["decode"]
    channels: int = Field(ge=1, le=256)
    head: Head
    appearance: Appearance
    audio: Audio


class Motion(Section):
    """What a separator is told about motion, on a square of `side_cells` x `side_cells`.

    `rate_hz` is that of the source (pictures of `decode`, frames of `flow`); `average_steps` in a row become one;
    `unit_rms` divides by the root mean square over the training clips.
    """

    input: Literal["none", "difference", "flow", "trajectories"]
    rate_hz: int = Field(ge=1, le=120)
    average_steps: int = Field(ge=1, le=16)
    side_cells: int = Field(ge=8, le=512)
    unit_rms: bool


class Trajectory(Section):
    """The motion network (MAN): a 3-D network that keeps time; `strides` are those over space, from the stem on.

    inception: I3D (64 base channels in the paper): stem, two pools, then one pool before each further group of blocks;
    three strides give two blocks, four seven, five nine. r2plus1d: stem, then one stride for each of its groups.
    """

    network: Literal["inception", "r2plus1d"]
    base_channels: int = Field(ge=4, le=128)
    strides: tuple[Literal[1, 2], ...] = Field(min_length=2, max_length=5)

    @model_validator(mode="after")
    def _have_a_block(self) -> Self:
        if self.network == "inception" and len(self.strides) < 3:
            raise ValueError("network inception has its first blocks after three strides: stem, pool, pool")
        return self


class Fusion(Section):
    """How appearance and motion meet; `channels` is K_v.

    attention: a map seen in the first frame gates motion, then both are joined; concat: joined as they are; alone:
    motion without appearance. `place_channels` maps of the square are learnt and joined, too.
    """

    rule: Literal["attention", "concat", "alone"]
    channels: int = Field(ge=1, le=1024)
    convolutions: int = Field(ge=1, le=4)
    place_channels: int = Field(ge=0, le=64)
    time_convolutions: int = Field(ge=0, le=4)


class FilmAudio(Section):
    """The U-Net of `motions`: one stride over time a level (over frequency all halve).

    `film_levels`: after how many levels the sound is modulated, the number of levels being the middle, as in the paper;
    none of them may leave fewer than `min_film_rate_hz` steps a second.
    """

    time_strides: tuple[Literal[1, 2], ...] = Field(min_length=2, max_length=8)
    base_channels: int = Field(ge=4, le=128)
    film_levels: tuple[int, ...] = Field(min_length=1)
    min_film_rate_hz: float = Field(ge=0)

    @model_validator(mode="after")
    def _be_inside(self) -> Self:
        levels = len(self.time_strides)
        if not all(1 <= level <= levels for level in self.film_levels) or len(set(self.film_levels)) < len(
            self.film_levels
        ):
            raise ValueError(f"film_levels: expected different numbers in 1 to {levels}, found {self.film_levels}")
        return self


class Motions(Section):
    """Separator that follows motion. conditioning: `film` of the sound, or features for the `synthesizer`, over time.

    `channels`: appearance features of a cell.
    """

    kind: Literal["motions"]
    sees: Literal["decode", "flow", "trajectories"]
    channels: int = Field(ge=1, le=512)
    head: Head
    conditioning: Literal["film", "synthesizer"]
    appearance: Appearance
    motion: Motion
    trajectory: Trajectory
    fusion: Fusion
    audio: FilmAudio

    @model_validator(mode="after")
    def _see_what_it_reads(self) -> Self:
        sources = {"none": "decode", "difference": "decode", "flow": "flow", "trajectories": "trajectories"}
        if self.sees != sources[self.motion.input]:
            raise ValueError(
                f"motion.input {self.motion.input} comes from the stage {sources[self.motion.input]}: set sees to it"
            )
        if self.motion.input == "none" and self.fusion.rule == "alone":
            raise ValueError("fusion.rule alone leaves nothing to see with motion.input none")
        if self.appearance.num_frames != 1:
            raise ValueError("appearance.num_frames: motions looks at the first frame alone, set it to 1")
        if self.fusion.rule == "alone" and self.appearance.weights != FROM_NOISE:
            raise ValueError(f"fusion.rule alone has no appearance network: set appearance.weights to {FROM_NOISE}")
        return self


Model = Annotated[Pixels | Motions, Field(discriminator="kind")]
