"""How each preset of PWC-Net is taught."""

from dataclasses import dataclass

from stages.motion.pwcnet import Preset
from stages.precision import Precision

LARGER = 2  # times the side of other pairs


@dataclass(frozen=True, slots=True)
class Recipe:
    """What decides the weights, beside the number of steps."""

    seed: int
    scenes: int  # of a batch; each gives two pairs
    side_px: int
    textures: int  # that batches draw from
    textures_steps: int  # until others are made
    ramp_steps: int  # until scenes are as hard as they get
    rate: float
    warmup_steps: int
    steady_steps: int  # the rate then falls with the square root of the steps
    settling_share: float  # of all steps, where an end is set: the last ones take what is left of the rate to nothing
    weight_decay: float
    gradient_norm: float  # longer gradients are cut to it
    average_decay: float  # of the moving average of weights, which is what is kept
    precision: Precision
    validation_scenes: int
    validate_steps: int
    checkpoint_steps: int

    @property
    def larger_scenes(self) -> int:
        """Of a batch whose pairs have `LARGER` times the side: about as many pixels."""
        return max(1, self.scenes // LARGER**2)


RECIPES: dict[Preset, Recipe] = {
    "lite": Recipe(
        seed=1,
        scenes=4,
        side_px=128,
        textures=100,
        textures_steps=400,
        ramp_steps=3000,
        rate=6e-4,
        warmup_steps=100,
        steady_steps=5000,
        settling_share=0.4,
        weight_decay=1e-4,
        gradient_norm=1.0,
        average_decay=0.998,
        precision="bf16",
        validation_scenes=12,
        validate_steps=200,
        checkpoint_steps=100,
    ),
}
RECIPES["default"] = RECIPES["lite"]
