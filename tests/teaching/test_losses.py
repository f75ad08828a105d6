"""Distance to the truth: closed forms."""

import torch
from torch import Tensor
from torch.testing import assert_close

from stages.motion.synthetic import Pairs
from stages.teaching.losses import endpoint_error, multi_scale_loss


def pairs_of(flow: Tensor, seen: Tensor | None = None) -> Pairs:
    batch, _, height, width = flow.shape
    frames, everywhere = torch.zeros(batch, 3, height, width), torch.ones(batch, 1, height, width, dtype=torch.bool)
    return Pairs(frames, frames, flow, everywhere if seen is None else seen, everywhere)


def scales(flow: Tensor) -> list[Tensor]:
    """A constant flow at the five scales of the network."""
    return [flow[..., : 128 >> level, : 128 >> level] for level in range(2, 7)]


def constant(u: float, v: float) -> Tensor:
    return torch.tensor([u, v])[None, :, None, None].expand(2, 2, 128, 128)


def test_a_distance_of_5_px_costs_a_quarter_unit_at_every_level() -> None:
    loss = multi_scale_loss(scales(constant(4.0, 1.0)), pairs_of(constant(1.0, 5.0)))
    assert_close(loss, torch.tensor((1.28 + 0.64 + 3 * 0.32) * 5 / 20), rtol=1e-4, atol=0)


def test_the_truth_costs_next_to_nothing_and_has_no_slope() -> None:
    flows = [flow.clone().requires_grad_() for flow in scales(constant(3.0, -2.0))]
    loss = multi_scale_loss(flows, pairs_of(constant(3.0, -2.0)))
    loss.backward()
    assert float(loss.detach()) < 0.005
    assert all(flow.grad is not None and float(flow.grad.abs().max()) == 0 for flow in flows)


def test_what_is_covered_counts_less() -> None:
    """Half of a picture is wrong by 20 px: its weight is .3 of what is seen."""
    flow = torch.zeros(1, 2, 128, 128)
    flow[..., :64] = 20
    flow[:, 1] = 0
    seen = torch.ones(1, 1, 128, 128, dtype=torch.bool)
    seen[..., :64] = False
    told = scales(torch.zeros(1, 2, 128, 128))
    ratio = multi_scale_loss(told, pairs_of(flow, seen)) / multi_scale_loss(told, pairs_of(flow))
    assert_close(float(ratio), (0.3 / 1.3) / 0.5, rtol=0.01, atol=0)


def test_endpoint_error_leaves_out_what_goes_out_of_the_frame() -> None:
    flow = torch.zeros(1, 2, 128, 128)
    flow[:, 0], flow[..., :32] = 3.0, 1000.0
    inside = torch.ones(1, 1, 128, 128, dtype=torch.bool)
    inside[..., :32] = False
    whole = pairs_of(flow)
    pairs = Pairs(whole.first, whole.second, flow, whole.seen, inside)
    assert_close(endpoint_error(torch.zeros_like(flow), pairs), torch.tensor([3.0]))
