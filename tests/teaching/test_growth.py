"""A larger network that grows out of a smaller one knows what that one knows."""

import pytest
import torch

from stages.motion.pwcnet import PRESETS, Decoder, PWCNet, estimate_flow
from stages.motion.synthetic import Pairs
from stages.motion.weights import load_shipped
from stages.teaching.growth import grow
from stages.teaching.losses import endpoint_error
from tests.synth.pairs import hard_pairs


@pytest.fixture(scope="module")
def grown() -> PWCNet:
    torch.manual_seed(1)
    large = PWCNet(PRESETS["default"])
    grow(load_shipped("lite"), large)
    return large.eval()


@pytest.fixture(scope="module")
def pairs() -> Pairs:
    return hard_pairs(20_253, scale=0.4, scenes=6)


def test_it_sees_nearly_what_the_small_one_sees(grown: PWCNet, pairs: Pairs) -> None:
    small, large = (estimate_flow(net, pairs.first, pairs.second) for net in (load_shipped("lite"), grown))
    errors = [float(endpoint_error(flow, pairs).mean()) for flow in (small, large, torch.zeros_like(small))]
    assert errors[1] < 0.5 * (errors[0] + errors[2])


def test_what_it_does_not_listen_to_yet_it_can_learn_to(grown: PWCNet, pairs: Pairs) -> None:
    sum(flow.abs().mean() for flow in grown(pairs.first[:2], pairs.second[:2])).backward()
    decoder = grown.decoders["2"]
    assert isinstance(decoder, Decoder)
    weight, heard = decoder.predict.weight, PRESETS["lite"].decoder[-1]
    assert weight.grad is not None and not weight[:, heard:].any()
    assert weight.grad[:, heard:].abs().amax(dim=(0, 2, 3)).median() > 0


def test_what_has_one_shape_in_both_is_the_same(grown: PWCNet) -> None:
    small = load_shipped("lite").state_dict()
    same = [name for name, value in grown.state_dict().items() if name in small and value.shape == small[name].shape]
    assert len(same) > 20 and all(torch.equal(grown.state_dict()[name], small[name]) for name in same)
