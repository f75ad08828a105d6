"""What is believed without truth: nearer to it than a first look, and doubted where it is wrong."""

from dataclasses import replace

import pytest
import torch
from torch import Tensor
from torch.nn import functional
from torch.testing import assert_close

from stages.motion.pwcnet import PWCNet, estimate_flow
from stages.motion.synthetic import Pairs
from stages.motion.weights import load_shipped
from stages.performances.truth import CELL_PX
from stages.precision import choose_precision
from stages.teaching.believed import belief_loss, believed, evened
from tests.synth.true_motion import fine_flow, moving


@pytest.fixture(scope="module")
def truth() -> Pairs:
    """A violinist's liveliest frames, each with the next one and the flow of the first to it."""
    film = moving("violin", side_px=128, frame_rate_hz=8, duration_s=2.0)
    flow = functional.interpolate(fine_flow(film), scale_factor=CELL_PX, mode="nearest")
    liveliest = flow.norm(dim=1).mean(dim=(1, 2)).topk(4).indices
    everywhere = torch.ones(4, 1, 128, 128, dtype=torch.bool)
    return Pairs(film.frames[liveliest], film.frames[liveliest + 1], flow[liveliest], everywhere, everywhere)


@pytest.fixture(scope="module")
def found(truth: Pairs) -> Pairs:
    return believed(ours(), truth.first, truth.second)


def ours() -> PWCNet:
    net = load_shipped("lite")
    net.precision = choose_precision("auto", torch.device("cpu"))
    return net


def test_both_orders_are_believed(truth: Pairs, found: Pairs) -> None:
    assert torch.equal(found.first, torch.cat([truth.first, truth.second]))
    assert torch.equal(found.second, torch.cat([truth.second, truth.first]))
    there, back = (flow[:, :, 64:96, 32:96].mean() for flow in found.flow.chunk(2))
    assert_close(there, -back, atol=0.1, rtol=0.3)


def test_it_is_nearer_to_the_truth_than_a_first_look(truth: Pairs, found: Pairs) -> None:
    moves = truth.flow.norm(dim=1) > 0.5
    once = estimate_flow(ours(), truth.first, truth.second)
    errors = [(flow - truth.flow).norm(dim=1)[moves].mean() for flow in (found.flow[:4], once)]
    assert errors[0] < 0.9 * errors[1]


def test_what_is_wrong_is_doubted(truth: Pairs, found: Pairs) -> None:
    assert 0.7 < found.seen.float().mean() < 1
    assert not (found.seen & ~found.inside).any()
    errors = (found.flow[:4] - truth.flow).norm(dim=1)
    seen = found.seen[:4, 0]
    assert errors[seen].mean() < 0.3 * errors[~seen].mean()


def test_what_moves_counts_as_much_as_what_rests(found: Pairs) -> None:
    flow = torch.zeros_like(found.flow)
    flow[..., :20, :] = 1.0
    weights = evened(replace(found, flow=flow))
    assert not weights[~found.seen].any()
    moves = flow[:, :1] > 0
    assert_close(weights[moves].sum(), weights[~moves].sum())


def test_a_frame_at_rest_has_weights_too(found: Pairs) -> None:
    still = evened(replace(found, flow=torch.zeros_like(found.flow)))
    assert (still[found.seen] > 0).all() and still.isfinite().all()
    flow = torch.zeros_like(found.flow)
    flow[0, :, 64, 64] = 5.0
    assert evened(replace(found, flow=flow, seen=torch.ones_like(found.seen))).amax() == 8


def test_what_is_believed_costs_least(found: Pairs) -> None:
    def cost(flow: Tensor) -> float:
        return float(belief_loss([functional.avg_pool2d(flow, 2**level) for level in range(2, 7)], found))

    least = cost(found.flow)
    assert least < 0.7 * cost(torch.zeros_like(found.flow))
    assert least < 0.7 * cost(found.flow + 1)
    assert least < 0.7 * cost(1.5 * found.flow)
