"""Lessons for a second look: the truth that they teach is what an estimate leaves over."""

import pytest
import torch
from torch.testing import assert_close

from stages.motion.looks import ENLARGED
from stages.motion.pwcnet import PRESETS, PWCNet
from stages.motion.synthetic import Pairs
from stages.motion.warp import warp
from stages.motion.weights import load_shipped
from stages.teaching.again import left_over
from tests.synth.pairs import hard_pairs


@pytest.fixture(scope="module")
def pairs() -> Pairs:
    return hard_pairs(20_252, scale=0.5, scenes=12)


def blind() -> PWCNet:
    """A network that sees no motion anywhere."""
    net = PWCNet(PRESETS["lite"]).eval()
    for parameter in net.parameters():
        torch.nn.init.zeros_(parameter)
    return net


def squares(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def test_whoever_sees_nothing_has_all_of_it_left(pairs: Pairs) -> None:
    rest = left_over(blind(), pairs, squares(1))
    assert rest.first.shape == pairs.first.shape and rest.flow.shape == pairs.flow.shape
    longest = pairs.flow.norm(dim=1).amax()
    assert 0.5 * ENLARGED * longest < rest.flow.norm(dim=1).amax() <= ENLARGED * longest + 1e-3


def test_the_truth_draws_the_second_frame_back(pairs: Pairs) -> None:
    rest = left_over(blind(), pairs, squares(2))
    moving = rest.flow.norm(dim=1, keepdim=True) > 2  # elsewhere light, blur and noise are all that differs
    counts = (rest.seen & rest.inside & moving).expand_as(rest.first)
    drawn = (warp(rest.second, rest.flow, 0.999) - rest.first).abs()[counts].mean()
    assert drawn < 0.5 * (rest.second - rest.first).abs()[counts].mean()


def test_who_has_learnt_leaves_little(pairs: Pairs) -> None:
    none, some = (left_over(net, pairs, squares(3)) for net in (blind(), load_shipped("lite")))
    assert_close(none.first, some.first)
    lengths = [float(rest.flow.norm(dim=1)[rest.seen[:, 0]].mean()) for rest in (none, some)]
    assert lengths[1] < 0.7 * lengths[0]
