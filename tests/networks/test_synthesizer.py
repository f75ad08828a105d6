"""The synthesizer by hand."""

import torch
from torch.testing import assert_close

from stages.networks.synthesizer import Synthesizer


def test_logits_are_weighted_sums_of_maps() -> None:
    net = Synthesizer(2)
    assert sum(p.numel() for p in net.parameters()) == 3
    with torch.no_grad():
        net.scale.copy_(torch.tensor([2.0, -1.0]))
        net.bias.fill_(0.5)
    maps = torch.tensor([[[[1.0, 2.0]], [[10.0, 20.0]]]])  # (B=1, K=2, R=1, T=2)
    appearance = torch.tensor([[[1.0, 0.0], [0.5, 0.25], [0.0, 1.0]]])  # (B=1, N=3, K=2)
    expected = torch.tensor([[[[2.5, 4.5]], [[-1.0, -2.5]], [[-9.5, -19.5]]]])
    assert_close(net(appearance, maps), expected)
