"""The audio network's size, shapes and reach."""

import pytest
import torch

from stages.networks.spectrogram import AudioNetwork


def test_paper_size_has_30_million_parameters() -> None:
    with torch.device("meta"):
        net = AudioNetwork(32, levels=7, base_channels=64)
        assert net(torch.empty(2, 1, 256, 256)).shape == (2, 32, 256, 256)
    # Convolutions down and up as in the module's table, K maps with a bias, and the norms' pairs.
    down = 16 * (1 * 64 + 64 * 128 + 128 * 256 + 256 * 512 + 3 * 512 * 512)
    up = 9 * (512 * 512 + 2 * 1024 * 512 + 1024 * 256 + 512 * 128 + 256 * 64 + 128 * 32) + 32
    norms = 2 * (1 + (128 + 256 + 3 * 512) + (3 * 512 + 256 + 128 + 64))
    assert sum(p.numel() for p in net.parameters()) == down + up + norms
    assert round((down + up + norms) / 1e6, 1) == 30.3


@pytest.mark.parametrize(("rows", "frames"), [(32, 32), (33, 31), (64, 128), (17, 1)])
def test_any_size_comes_out_as_it_went_in(rows: int, frames: int) -> None:
    net = AudioNetwork(3, levels=4, base_channels=4).eval()
    assert net(torch.rand(2, 1, rows, frames)).shape == (2, 3, rows, frames)


def test_digital_silence_gives_finite_maps() -> None:
    net = AudioNetwork(3, levels=3, base_channels=4)
    assert net(torch.zeros(2, 1, 16, 16)).isfinite().all()


def test_maps_depend_on_the_logarithm_only() -> None:
    """In training mode the input norm removes any gain, which is an offset of the logarithm."""
    torch.manual_seed(1)
    net = AudioNetwork(3, levels=3, base_channels=4)
    heard = 0.1 + torch.rand(2, 1, 16, 16)
    torch.testing.assert_close(net(heard), net(20 * heard), atol=1e-3, rtol=1e-3)


def test_a_single_mixture_can_be_trained_on() -> None:
    net = AudioNetwork(3, levels=4, base_channels=4)
    net(torch.rand(1, 1, 16, 16)).sum().backward()
    assert all(p.grad is not None and p.grad.isfinite().all() for p in net.parameters())
