"""The motion network: I3D's size, inflation that is exact, time that is kept."""

import pytest
import torch
from torch import Tensor, nn
from torch.testing import assert_close

from stages.networks.trajectory import Filter, TrajectoryNetwork, inflate, inflate_from
from stages.separators import Trajectory

I3D = Trajectory(network="inception", base_channels=64, strides=(2, 2, 2, 2, 2))
TINY = Trajectory(network="inception", base_channels=8, strides=(2, 1, 2))
RANDOM = torch.Generator().manual_seed(1)


def test_it_is_i3d_at_its_full_size() -> None:
    """12,288,000 or so: kinetics-i3d without its head has 12.29 M parameters for three channels of colour."""
    with torch.device("meta"):
        net = TrajectoryNetwork(3, I3D)
        cells = net(torch.empty(1, 3, 2, 224, 224))
    assert net.outputs == cells.shape[1] == 1024
    assert cells.shape[2:] == (2, 7, 7)
    convolutions = [layer for layer in net.modules() if isinstance(layer, nn.Conv3d)]
    assert len(convolutions) == 57 and sum(p.numel() for p in net.parameters()) == 12_287_264


@pytest.mark.parametrize("network", ["inception", "r2plus1d"])
@pytest.mark.parametrize(("strides", "side"), [((2, 1, 2), 6), ((2, 2, 2, 1), 3), ((1, 2, 2, 2), 3)])
def test_time_is_kept_and_space_is_halved_where_it_is_said(network: str, strides: tuple[int, ...], side: int) -> None:
    settings = Trajectory.model_validate({"network": network, "base_channels": 4, "strides": strides})
    net = TrajectoryNetwork(2, settings)
    assert net(torch.randn(2, 2, 7, 24, 24, generator=RANDOM)).shape == (2, net.outputs, 7, side, side)


def test_a_video_of_equal_frames_gives_what_the_2d_filters_give_of_one() -> None:
    filters, frame = torch.randn(5, 3, 7, 7, generator=RANDOM), torch.randn(1, 3, 16, 16, generator=RANDOM)
    unit = Filter(3, 5, (7, 7, 7), 2).eval()
    with torch.no_grad():
        unit.conv.weight.copy_(inflate(filters, 7, 3))
        found = unit(frame[:, :, None].expand(-1, -1, 4, -1, -1))
    expected = torch.relu(nn.functional.conv2d(frame, filters, stride=2, padding=3) / (1 + unit.norm.eps) ** 0.5)
    assert_close(found, expected[:, :, None].expand(-1, -1, 4, -1, -1), atol=1e-4, rtol=1e-4)


def test_a_stem_of_three_channels_answers_two_equal_ones_as_it_did_grey() -> None:
    filters, grey = torch.randn(4, 3, 3, 3, generator=RANDOM), torch.randn(1, 1, 8, 8, generator=RANDOM)
    two = inflate(filters, 3, 2)
    assert two.shape == (4, 2, 3, 3, 3)
    found = nn.functional.conv3d(grey[:, :, None].expand(-1, 2, 3, -1, -1), two)[:, :, 0]
    assert_close(found, nn.functional.conv2d(grey.expand(-1, 3, -1, -1), filters), atol=1e-5, rtol=1e-4)


def _bank(net: TrajectoryNetwork) -> list[tuple[Tensor, list[Tensor]]]:
    """2-D filters and norms of a network's sizes, for pictures of three colours."""
    bank: list[tuple[Tensor, list[Tensor]]] = []
    for place, unit in enumerate(unit for unit in net.modules() if isinstance(unit, Filter)):
        outputs, inputs, _, height, width = unit.conv.weight.shape
        filters = torch.randn(outputs, 3 if place == 0 else inputs, height, width, generator=RANDOM)
        norm = [torch.rand(outputs, generator=RANDOM) + 0.5 for _ in range(4)]
        bank.append((filters / filters[0].numel() ** 0.5, norm))
    return bank


def test_a_whole_inflated_network_sees_a_still_video_as_still() -> None:
    net = TrajectoryNetwork(2, TINY).eval()
    bank = _bank(net)
    inflate_from(net, [*bank, (torch.ones(1, 1, 1, 1), [])])  # what follows, a classifier say, is left
    frame = torch.randn(1, 2, 1, 16, 16, generator=RANDOM)
    with torch.no_grad():
        one, many = net(frame), net(frame.expand(-1, -1, 6, -1, -1))
    assert one.abs().max() > 0.01
    assert_close(many, one.expand_as(many), atol=1e-4, rtol=1e-4)
    first = next(unit for unit in net.modules() if isinstance(unit, Filter))
    assert_close(first.norm.running_var, bank[0][1][3])


def test_filters_that_do_not_fit_are_named() -> None:
    net = TrajectoryNetwork(2, TINY)
    with pytest.raises(ValueError, match="expected filters for 15 convolutions, found 3"):
        inflate_from(net, _bank(net)[:3])
    bank = _bank(net)
    bank[1] = (bank[1][0][:, :-1], [])
    with pytest.raises(ValueError, match=r"convolution 1: expected \(8, 8, 1, 1\), found \(8, 7, 1, 1\)"):
        inflate_from(net, bank)
