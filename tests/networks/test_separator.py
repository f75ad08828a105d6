"""The three networks together."""

import torch
from torch.testing import assert_close

from stages.networks.separator import PixelsSeparator
from tests.synth.learning import MODEL


def _inputs() -> tuple[torch.Tensor, torch.Tensor]:
    random = torch.Generator().manual_seed(1)
    return torch.rand(2, 1, 32, 32, generator=random), torch.randn(2, 3, 1, 3, 32, 32, generator=random)


def test_every_network_learns_from_the_logits() -> None:
    torch.manual_seed(1)
    net = PixelsSeparator(MODEL)
    logits = net(*_inputs())
    assert logits.shape == (2, 3, 32, 32)
    logits.square().mean().backward()
    for part in (net.appearance, net.audio, net.synthesizer):
        gradients = [p.grad for p in part.parameters()]
        assert all(g is not None and g.isfinite().all() for g in gradients)
        assert any(g is not None and g.abs().max() > 0 for g in gradients)


def test_masks_follow_their_pictures() -> None:
    torch.manual_seed(1)
    net = PixelsSeparator(MODEL).eval()
    heard, frames = _inputs()
    order = [2, 0, 1]
    assert_close(net(heard, frames)[:, order], net(heard, frames[:, order]))
