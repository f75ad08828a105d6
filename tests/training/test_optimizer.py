"""Rates, groups and the stored state."""

import pytest
import torch
from torch.testing import assert_close

from stages.training.optimizer import build_optimizer, load_state_tensors, rate_factor, set_rates, state_tensors
from tests.synth.learning import new_learner, phase, train_section

SETTINGS = train_section().optimizer.model_copy(update={"warmup_steps": 4, "decay": 0.1})
PHASE = phase(appearance_rate=0.5, rate=2.0, decay_steps=[10, 20])


def test_rate_rises_to_one_and_falls_by_steps() -> None:
    found = [rate_factor(SETTINGS, PHASE, step) for step in (0, 1, 4, 9, 10, 19, 20, 500)]
    assert found == pytest.approx([0.2, 0.4, 1, 1, 0.1, 0.1, 0.01, 0.01])


def test_every_parameter_has_one_rate_and_the_trunk_its_own() -> None:
    net = new_learner(train_section()).separator.net
    optimizer = build_optimizer(net, net.appearance, SETTINGS, PHASE)
    trunk, rest = ({id(p) for p in group["params"]} for group in optimizer.param_groups)
    assert trunk == {id(p) for p in net.appearance.trunk.parameters()}
    assert trunk | rest == {id(p) for p in net.parameters()}
    assert not trunk & rest
    set_rates(optimizer, SETTINGS, PHASE, 10)
    assert [group["lr"] for group in optimizer.param_groups] == pytest.approx([0.05, 0.2])


@pytest.mark.parametrize("algorithm", ["sgd", "adamw"])
@pytest.mark.parametrize("channels_last", [True, False])
def test_state_put_back_gives_the_same_updates(algorithm: str, channels_last: bool) -> None:
    optimizer = train_section().optimizer.model_copy(update={"algorithm": algorithm})
    train = train_section(optimizer=optimizer, channels_last=channels_last)
    first, second = new_learner(train), new_learner(train)
    _update(first.net, first.optimizer, 1)
    second.net.load_state_dict(first.net.state_dict())
    load_state_tensors(second.net, second.optimizer, state_tensors(first.net, first.optimizer))
    for learner in (first, second):
        _update(learner.net, learner.optimizer, 2)
    for one, other in zip(first.net.parameters(), second.net.parameters(), strict=True):
        assert torch.equal(one, other)


def test_sgd_moves_by_rate_times_momentum_of_gradients() -> None:
    settings = SETTINGS.model_copy(update={"algorithm": "sgd", "weight_decay": 0.0, "warmup_steps": 0})
    net = new_learner(train_section()).separator.net
    optimizer = build_optimizer(net, net.appearance, settings, PHASE)
    before = net.synthesizer.scale.detach().clone()
    for _ in range(2):
        net.synthesizer.scale.grad = torch.ones_like(before)
        optimizer.step()
    assert_close(net.synthesizer.scale.detach(), before - PHASE.rate * (1 + (1 + 0.9)))


def _update(net: torch.nn.Module, optimizer: torch.optim.Optimizer, seed: int) -> None:
    random = torch.Generator().manual_seed(seed)
    for parameter in net.parameters():
        parameter.grad = torch.empty_like(parameter).copy_(torch.randn(parameter.shape, generator=random))
    optimizer.step()
