"""The optimizer: two rates, warm-up, steps of decay; and its state as named tensors."""

from typing import Any, Protocol

import torch
from torch import Tensor, nn

from stages.curricula import Optimizer, Phase


class Trunked(Protocol):
    """A network that learns at two rates."""

    @property
    def trunk(self) -> nn.Module:
        """What learns at `appearance_rate`."""
        ...


def build_optimizer(net: nn.Module, trunk_of: Trunked, settings: Optimizer, phase: Phase) -> torch.optim.Optimizer:
    """SGD or AdamW with two groups: what looks, and all else (Zhao et al. 2018, section 4.2; 2019, section 4.2)."""
    trunk = list(trunk_of.trunk.parameters())
    inside = set(map(id, trunk))
    rest = [parameter for parameter in net.parameters() if id(parameter) not in inside]
    groups: list[dict[str, Any]] = [
        {"params": trunk, "lr": phase.appearance_rate},
        {"params": rest, "lr": phase.rate},
    ]
    if settings.algorithm == "sgd":
        sgd = torch.optim.SGD(groups, momentum=settings.momentum, weight_decay=settings.weight_decay, fused=True)
        for parameter in (*trunk, *rest):  # the fused kernel wants a moment of all or of none; pretraining moves some
            sgd.state[parameter]["momentum_buffer"] = torch.zeros_like(parameter)
        return sgd
    return torch.optim.AdamW(groups, betas=(settings.momentum, 0.999), weight_decay=settings.weight_decay, fused=True)


def set_rates(optimizer: torch.optim.Optimizer, settings: Optimizer, phase: Phase, step: int) -> None:
    """Rates of the update that follows `step` earlier ones of the phase."""
    factor = rate_factor(settings, phase, step)
    for group, rate in zip(optimizer.param_groups, (phase.appearance_rate, phase.rate), strict=True):
        group["lr"] = rate * factor


def rate_factor(settings: Optimizer, phase: Phase, step: int) -> float:
    """Rises linearly to 1 over warmup_steps; times `decay` from each of decay_steps on."""
    warm = min(1.0, (step + 1) / (settings.warmup_steps + 1))
    return warm * settings.decay ** sum(step >= decay_step for decay_step in phase.decay_steps)


def state_tensors(net: nn.Module, optimizer: torch.optim.Optimizer) -> dict[str, Tensor]:
    """Moments and counters by `<parameter>/<what>`."""
    names = _names(net, optimizer)
    state: dict[int, dict[str, Any]] = optimizer.state_dict()["state"]
    return {
        f"{names[position]}/{what}": value.detach().cpu().contiguous()
        for position, values in state.items()
        for what, value in values.items()
        if isinstance(value, Tensor)
    }


def load_state_tensors(net: nn.Module, optimizer: torch.optim.Optimizer, tensors: dict[str, Tensor]) -> None:
    """Put back what `state_tensors` gave."""
    positions = {name: position for position, name in enumerate(_names(net, optimizer))}
    parameters = dict(net.named_parameters())
    state: dict[int, dict[str, Tensor]] = {}
    for key, value in tensors.items():
        name, what = key.rsplit("/", 1)
        state.setdefault(positions[name], {})[what] = _laid_out_as(parameters[name], value)
    optimizer.load_state_dict({"state": state, "param_groups": optimizer.state_dict()["param_groups"]})


def _laid_out_as(parameter: Tensor, value: Tensor) -> Tensor:
    """A moment in its parameter's memory order: the fused kernels walk both by address."""
    return torch.empty_like(parameter).copy_(value) if value.shape == parameter.shape else value.clone()


def _names(net: nn.Module, optimizer: torch.optim.Optimizer) -> list[str]:
    """Names of the parameters in the optimizer's order."""
    names = {id(parameter): name for name, parameter in net.named_parameters()}
    return [names[id(parameter)] for group in optimizer.param_groups for parameter in group["params"]]
