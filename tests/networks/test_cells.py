"""Coarser maps of cells."""

import pytest
import torch
from torch.testing import assert_close

from stages.networks.cells import coarse


@pytest.mark.parametrize(
    ("side", "most", "expected"), [(6, 8, 6), (8, 8, 8), (9, 8, 5), (14, 8, 7), (24, 8, 8), (4, 1, 1)]
)
def test_as_few_neighbours_as_possible_are_pooled(side: int, most: int, expected: int) -> None:
    maps = torch.rand(2, 3, side, side)
    found = coarse(maps, most, "max")
    assert found.shape == (2, 3, expected, expected)
    assert_close(found.amax(dim=(-2, -1)), maps.amax(dim=(-2, -1)))
    if side == expected:
        assert torch.equal(found, maps)


def test_pooling_is_the_strongest_or_the_mean_of_each_group() -> None:
    maps = torch.arange(16.0).reshape(1, 1, 4, 4)
    assert coarse(maps, 2, "max").flatten().tolist() == [5, 7, 13, 15]
    assert coarse(maps, 2, "mean").flatten().tolist() == [2.5, 4.5, 10.5, 12.5]
