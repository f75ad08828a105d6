"""Which pairs are shown when: from few layers that all shift to many that turn, stretch, bend or rest."""

import torch

from stages.motion.movements import Difficulty
from stages.motion.synthetic import Pairs, draw_pairs
from stages.motion.textures import draw_textures
from stages.teaching.recipe import LARGER, Recipe
from stages.training.seeding import generator

_CALMEST = 0.04  # scale of motions; as many are shown between .04 and .2 as between .2 and 1


class Curriculum:
    """Batches as a function of the recipe and the step alone."""

    def __init__(self, recipe: Recipe, device: torch.device) -> None:
        self._recipe, self._device = recipe, device
        self._made: tuple[int, torch.Tensor] | None = None

    def at(self, step: int, *, larger: bool = False) -> Pairs:
        """The pairs that follow `step` earlier batches; larger ones are fewer."""
        recipe = self._recipe
        random = generator("flow pairs", recipe.seed, step)
        reached = min(1.0, step / recipe.ramp_steps)
        scale = _CALMEST ** (reached * float(torch.rand((), generator=random)))
        textures = self._textures(step // recipe.textures_steps)
        scenes, times = (recipe.larger_scenes, LARGER) if larger else (recipe.scenes, 1)
        return draw_pairs(textures, difficulty(reached, scale), scenes, times * recipe.side_px, random)

    def held_out(self, scale: float) -> Pairs:
        """Pairs that are never learnt from, whatever the seed: as hard as they get, but for motions of this scale."""
        recipe = self._recipe
        random = generator("flow pairs held out", recipe.side_px, str(scale))
        textures = draw_textures(recipe.textures, random).to(self._device)
        return draw_pairs(textures, difficulty(1.0, scale), recipe.validation_scenes, recipe.side_px, random)

    def _textures(self, number: int) -> torch.Tensor:
        if self._made is None or self._made[0] != number:
            random = generator("flow textures", self._recipe.seed, number)
            self._made = number, draw_textures(self._recipe.textures, random).to(self._device)
        return self._made[1]


def difficulty(reached: float, scale: float) -> Difficulty:
    """Of scenes, as a share of the way from first to last lesson, with motions of a scale in [0, 1].

    At first nothing rests and all goes far: where most of a picture rests, no flow at all is nearly right, and a young
    network stays with it.
    """
    return Difficulty(
        layers=round(3 + 5 * reached),
        resting=0.4 * reached,
        still=0.6 * reached,
        shift_px=(10 + 14 * reached) * scale,
        turn_rad=(0.1 + 0.3 * reached) * scale,
        stretch=(0.05 + 0.15 * reached) * scale,
        wave_px=4 * reached * scale,
    )
