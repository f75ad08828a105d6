"""The appearance network's size, map and pooling."""

import pytest
import torch
from torch import nn
from torch.testing import assert_close

from stages.networks.appearance import AppearanceNetwork
from stages.separators import Appearance
from tests.synth.learning import MODEL


def _look(base_channels: int, **changes: object) -> Appearance:
    return MODEL.appearance.model_copy(update={"base_channels": base_channels, **changes})


def test_paper_size_is_a_dilated_resnet_18() -> None:
    with torch.device("meta"):
        net = AppearanceNetwork(32, _look(64))
        cells = net.cells(torch.empty(2, 3, 3, 224, 224))
    assert cells.shape == (2, 32, 14, 14)
    resnet_18_without_classifier = 11_176_512
    assert sum(p.numel() for p in net.parameters()) == resnet_18_without_classifier + 512 * 32 * 9 + 32


def test_the_last_group_trades_stride_for_dilation_after_its_first_convolution() -> None:
    with torch.device("meta"):
        net = AppearanceNetwork(32, _look(64))
    wide = [layer for layer in net.trunk.modules() if isinstance(layer, nn.Conv2d) and layer.out_channels == 512]
    assert all(layer.stride == (1, 1) for layer in wide)
    assert [layer.dilation[0] for layer in wide if layer.kernel_size == (3, 3)] == [1, 2, 2, 2]


@pytest.mark.parametrize(("side_px", "cells"), [(96, 6), (128, 8), (100, 7)])
def test_a_cell_covers_sixteen_pixels(side_px: int, cells: int) -> None:
    with torch.device("meta"):
        found = AppearanceNetwork(4, _look(4)).cells(torch.empty(1, 1, 3, side_px, side_px))
    assert found.shape[-2:] == (cells, cells)


def test_description_is_the_sigmoid_of_the_strongest_cell_of_any_frame() -> None:
    torch.manual_seed(0)
    net = AppearanceNetwork(5, _look(4)).eval()
    frames = torch.randn(2, 3, 3, 48, 64)
    separately = torch.stack([net.cells(frames[:, [p]]).amax(dim=(-2, -1)) for p in range(3)])
    assert_close(net(frames), torch.sigmoid(separately.amax(dim=0)))
    assert_close(net(frames), net(frames[:, [2, 0, 1]]))


def test_the_mean_of_cells_where_it_is_asked_for() -> None:
    torch.manual_seed(0)
    net = AppearanceNetwork(5, _look(4, pooling="mean")).eval()
    frames = torch.randn(2, 1, 3, 48, 64)
    assert_close(net(frames), torch.sigmoid(net.cells(frames).mean(dim=(-2, -1))))


def test_standardised_descriptions_of_a_batch_have_unit_deviation() -> None:
    """Without it a network from noise describes all clips alike."""
    torch.manual_seed(0)
    frames = torch.randn(16, 1, 3, 48, 48)
    alike, told_apart = (
        torch.logit(AppearanceNetwork(5, _look(4, pooling="mean", standardise=on)).train()(frames)).std(dim=0)
        for on in (False, True)
    )
    assert alike.max() < 0.3
    assert_close(told_apart, torch.full((5,), (16 / 15) ** 0.5), atol=0.02, rtol=0)
