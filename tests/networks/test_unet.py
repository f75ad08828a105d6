"""The modulated U-Net: any size, strides by level, modulation where it is asked for."""

import pytest
import torch
from torch.testing import assert_close

from stages.networks.unet import ModulatedUNet

RANDOM = torch.Generator().manual_seed(3)


def _net(strides: tuple[int, ...], film: dict[int, int], outputs: int = 1) -> ModulatedUNet:
    torch.manual_seed(1)
    return ModulatedUNet(outputs, time_strides=strides, base_channels=4, film=film).eval()


@pytest.mark.parametrize("size", [(32, 32), (33, 31), (17, 9)])
@pytest.mark.parametrize("strides", [(2, 2, 2), (2, 1, 1), (1, 2, 1)])
@pytest.mark.parametrize("levels", [(3,), (2,), (1, 3), (1, 2, 3)])
def test_any_size_comes_out_for_each_source(
    size: tuple[int, int], strides: tuple[int, ...], levels: tuple[int, ...]
) -> None:
    net = _net(strides, dict.fromkeys(levels, 5))
    seen = {level: torch.randn(2, 3, net.steps(size[1], level), 5, generator=RANDOM) for level in levels}
    assert net(torch.rand(2, 1, *size, generator=RANDOM), seen).shape == (2, 3, 1, *size)


def test_without_modulation_it_gives_maps_once() -> None:
    assert _net((2, 1), {}, outputs=7)(torch.rand(2, 1, 16, 16), {}).shape == (2, 1, 7, 16, 16)


def test_modulation_of_one_moment_reaches_the_sound_around_it() -> None:
    net = _net((2, 1), {2: 5})
    heard = torch.rand(1, 1, 16, 64, generator=RANDOM)
    seen = torch.zeros(1, 1, 32, 5)
    changed = seen.clone()
    changed[:, :, 16] = 5.0
    with torch.no_grad():
        differs = (net(heard, {2: changed}) - net(heard, {2: seen})).abs().amax(dim=(0, 1, 2, 3)) > 1e-6
    touched = differs.nonzero().flatten().tolist()
    assert touched[0] >= 26 and touched[-1] <= 39 and {32, 33} <= set(touched)


def test_equal_sights_give_equal_maps() -> None:
    net = _net((2, 1), {2: 5})
    seen = torch.randn(1, 1, 8, 5, generator=RANDOM).expand(-1, 2, -1, -1)
    one, other = net(torch.rand(1, 1, 16, 16, generator=RANDOM), {2: seen})[0]
    assert_close(one, other)
