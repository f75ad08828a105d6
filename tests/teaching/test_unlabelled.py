"""Without truth: the right flow explains frames better than any other, whatever the light."""

import pytest
import torch
from torch import Tensor
from torch.nn import functional
from torch.testing import assert_close

from stages.teaching.unlabelled import census_distance, roughness, unlabelled_loss

SHIFT_PX = 4


@pytest.fixture(scope="module")
def frames() -> tuple[Tensor, Tensor]:
    """A texture that goes 4 px to the right, and gets brighter."""
    random = torch.Generator().manual_seed(1)
    wide = functional.interpolate(torch.rand(1, 3, 16, 17, generator=random), scale_factor=4, mode="bicubic")
    return wide[..., SHIFT_PX : SHIFT_PX + 64], wide[..., :64] * 1.2 + 0.05


def flow(u: float) -> Tensor:
    return torch.tensor([u, 0.0])[None, :, None, None].expand(1, 2, 16, 16).clone()


def test_the_true_flow_costs_least(frames: tuple[Tensor, Tensor]) -> None:
    costs = {u: float(unlabelled_loss(flow(u), flow(-u), *frames)) for u in (0.0, 2.0, 3.0, 4.0, 5.0, 6.0)}
    assert min(costs, key=lambda u: costs[u]) == SHIFT_PX
    assert costs[4.0] < 0.5 * costs[3.0] < 0.5 * costs[0.0]


def test_descent_finds_the_true_flow(frames: tuple[Tensor, Tensor]) -> None:
    found = flow(2.5).requires_grad_()
    optimizer = torch.optim.Adam([found], 0.1)
    for _ in range(60):
        optimizer.zero_grad()
        unlabelled_loss(found, -found, *frames).backward()
        optimizer.step()
    inner = found.detach()[..., 2:-2, 2:-2]
    assert_close(inner.mean(dim=(0, 2, 3)), torch.tensor([4.0, 0.0]), atol=0.3, rtol=0)


def test_what_does_not_lead_home_is_not_compared(frames: tuple[Tensor, Tensor]) -> None:
    assert float(unlabelled_loss(flow(2.0), flow(8.0), *frames)) == 0


def test_census_ignores_light_but_not_texture() -> None:
    picture = torch.rand(1, 1, 32, 32, generator=torch.Generator().manual_seed(2))
    other = torch.rand(1, 1, 32, 32, generator=torch.Generator().manual_seed(3))
    assert_close(census_distance(picture, picture), torch.zeros_like(picture))
    inner = (slice(None), slice(None), slice(2, -2), slice(2, -2))
    same, different = (census_distance(picture, two)[inner].mean() for two in (0.5 * picture + 0.2, other))
    assert float(same) < 0.05 * float(different)


def test_roughness_spares_edges() -> None:
    step = torch.zeros(1, 2, 8, 8)
    step[..., 4:] = 2.0
    plain = torch.full((1, 3, 32, 32), 0.5)
    edged = plain.clone()
    edged[..., 16:] = 1.0
    assert_close(roughness(step, plain), torch.tensor(2 / 7))
    assert float(roughness(step, edged)) < 1e-3 * float(roughness(step, plain))
