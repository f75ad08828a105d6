"""A network that is being taught: one step of learning, and the moving average of its weights."""

import copy
import math

import torch
from torch import Tensor

from stages.motion.pwcnet import Architecture, PWCNet
from stages.precision import Precision
from stages.teaching.recipe import Recipe
from stages.training.seeding import generator


class Pupil:
    """PWC-Net, its optimizer, and the average that is kept."""

    def __init__(self, architecture: Architecture, recipe: Recipe, device: torch.device) -> None:
        self.recipe, self.device = recipe, device
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(generator("flow weights", recipe.seed).initial_seed() % 2**63)
            self.net = PWCNet(architecture).to(device).to(memory_format=torch.channels_last)
        self.average = copy.deepcopy(self.net).eval().requires_grad_(False)
        self.average.precision = recipe.precision
        self.optimizer = torch.optim.AdamW(
            self.net.parameters(), recipe.rate, weight_decay=recipe.weight_decay, fused=True
        )

    def flows(self, first: Tensor, second: Tensor) -> tuple[Tensor, ...]:
        """Flow at all scales, with gradients."""
        with autocast(self.device, self.recipe.precision):
            return self.net(*(f.contiguous(memory_format=torch.channels_last) for f in (first, second)))

    def learn(self, loss: Tensor, step: int, *, share: float = 1.0) -> float:
        """Update the weights at a share of the rate of this step, then the average; returns the loss.

        A loss or gradient that is not finite gives NaN and changes nothing.
        """
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()
        length = torch.nn.utils.clip_grad_norm_(self.net.parameters(), self.recipe.gradient_norm)
        if not math.isfinite(loss.item() + length.item()):
            return math.nan
        for group in self.optimizer.param_groups:
            group["lr"] = share * rate(self.recipe, step, self._updates())
        self.optimizer.step()
        self._follow(step)
        return loss.item()

    def _updates(self) -> int:
        """Since the optimizer began without moments."""
        moments = next(iter(self.optimizer.state.values()), None)
        return 0 if moments is None else int(moments["step"])

    @torch.no_grad()
    def _follow(self, step: int) -> None:
        """Move the average; early it has no past to remember."""
        decay = min(self.recipe.average_decay, (1 + step) / (10 + step))
        for kept, new in zip(self.average.parameters(), self.net.parameters(), strict=True):
            kept.lerp_(new, 1 - decay)


def autocast(device: torch.device, precision: Precision) -> torch.autocast:
    """Where bf16 is wanted."""
    return torch.autocast(device.type, torch.bfloat16, enabled=precision == "bf16")


def rate(recipe: Recipe, step: int, updates: int) -> float:
    """Rises with the first updates, stays, then falls with the root of the steps: no last one need be known."""
    warm = min(1.0, (updates + 1) / (recipe.warmup_steps + 1))
    return recipe.rate * warm * min(1.0, math.sqrt(recipe.steady_steps / (step + 1)))
