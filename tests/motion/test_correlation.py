"""Cost volume against its definition, and its gradients."""

import pytest
import torch
from torch import Tensor
from torch.testing import assert_close

from stages.motion.correlation import cost_volume, normalised


def _maps(*shape: int, dtype: torch.dtype = torch.float32) -> tuple[Tensor, Tensor]:
    random = torch.Generator().manual_seed(1)
    return torch.randn(shape, generator=random, dtype=dtype), torch.randn(shape, generator=random, dtype=dtype)


def _by_definition(first: Tensor, second: Tensor, radius: int) -> Tensor:
    """One displacement and one row at a time."""
    batch, _, height, width = first.shape
    volume = torch.zeros(batch, (2 * radius + 1) ** 2, height, width, dtype=first.dtype)
    for channel in range(volume.shape[1]):
        dy, dx = channel // (2 * radius + 1) - radius, channel % (2 * radius + 1) - radius
        for y in range(height):
            for x in range(width):
                if 0 <= y + dy < height and 0 <= x + dx < width:
                    volume[:, channel, y, x] = (first[:, :, y, x] * second[:, :, y + dy, x + dx]).mean(dim=1)
    return volume


@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last])
@pytest.mark.parametrize(("height", "width", "radius"), [(1, 1, 4), (4, 4, 4), (8, 8, 4), (7, 17, 4), (9, 3, 2)])
def test_is_the_mean_of_products_at_any_size(height: int, width: int, radius: int, layout: torch.memory_format) -> None:
    first, second = (one.contiguous(memory_format=layout) for one in _maps(2, 5, height, width))
    assert_close(cost_volume(first, second, radius), _by_definition(first, second, radius))


def test_rows_of_displacements_come_first() -> None:
    """A single cell that moved one row down and three columns left is found in that channel alone."""
    first, second = torch.zeros(1, 2, 16, 16), torch.zeros(1, 2, 16, 16)
    first[:, :, 7, 7], second[:, :, 8, 4] = 2, 3
    volume = cost_volume(first, second, 4)
    assert volume.nonzero().tolist() == [[0, (1 + 4) * 9 + (-3 + 4), 7, 7]]
    assert volume.max() == 6


def test_layout_follows_the_features() -> None:
    first, second = (one.contiguous(memory_format=torch.channels_last) for one in _maps(2, 5, 16, 16))
    assert cost_volume(first, second, 4).is_contiguous(memory_format=torch.channels_last)
    assert cost_volume(*_maps(2, 5, 16, 16), 4).is_contiguous()


def test_bf16_is_close() -> None:
    first, second = _maps(1, 64, 12, 12)
    volume = cost_volume(first.bfloat16(), second.bfloat16(), 4)
    assert volume.dtype == torch.bfloat16
    assert_close(volume.float(), cost_volume(first, second, 4), atol=5e-3, rtol=1e-2)


@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last])
def test_gradients_are_those_of_finite_differences(layout: torch.memory_format) -> None:
    maps = [one.contiguous(memory_format=layout).requires_grad_() for one in _maps(2, 3, 3, 9, dtype=torch.float64)]
    assert torch.autograd.gradcheck(lambda first, second: cost_volume(first, second, 1), maps)


def test_two_shapes_are_refused() -> None:
    with pytest.raises(ValueError, match=r"one shape expected, got \[1, 2, 4, 4\] and \[1, 2, 4, 5\]"):
        cost_volume(torch.zeros(1, 2, 4, 4), torch.zeros(1, 2, 4, 5), 4)


@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last])
def test_normalised_features_have_mean_0_and_variance_1_in_each_sample(layout: torch.memory_format) -> None:
    features, _ = _maps(3, 6, 10, 12)
    scaled = (features * torch.tensor([0.1, 1, 20])[:, None, None, None] + 7).contiguous(memory_format=layout)
    found = normalised(scaled)
    assert_close(found.mean(dim=(1, 2, 3)), torch.zeros(3), atol=1e-4, rtol=0)
    assert_close(found.var(dim=(1, 2, 3), unbiased=False), torch.ones(3), atol=2e-3, rtol=0)
    assert_close(found[1:2], normalised(scaled[1:2]))
    assert found.is_contiguous(memory_format=layout)


def test_flat_features_stay_finite() -> None:
    assert torch.equal(normalised(torch.full((1, 2, 4, 4), 0.5)), torch.zeros(1, 2, 4, 4))
