"""Optical flow on a GPU: the flow of the CPU, in every setting."""

import pytest
import torch
from torch import nn

from stages.motion.pwcnet import PRESETS, PWCNet, estimate_quarter_flow, prepare
from stages.precision import Precision

pytestmark = pytest.mark.skipif(not torch.cuda.is_available(), reason="this machine has no GPU that torch can use")


def _net() -> PWCNet:
    torch.manual_seed(1)
    net = PWCNet(PRESETS["lite"]).eval()
    for decoder in net.decoders.values():  # an untrained net says almost 0
        nn.init.kaiming_normal_(decoder.predict.weight)
    return net


@pytest.mark.parametrize("precision", ["fp32", "bf16"])
@pytest.mark.parametrize("channels_last", [True, False])
@pytest.mark.parametrize("compiled", [True, False])
def test_flow_is_that_of_the_cpu(precision: Precision, channels_last: bool, compiled: bool) -> None:
    random = torch.Generator().manual_seed(2)
    frames = [torch.rand(2, 3, 100, 130, generator=random) for _ in range(2)]
    expected = estimate_quarter_flow(_net(), *frames)
    net = prepare(_net(), torch.device("cuda"), precision=precision, channels_last=channels_last, compiled=compiled)
    flow = estimate_quarter_flow(net, *frames)
    assert flow.device.type == "cuda"
    difference = (flow.cpu() - expected).norm(dim=1).mean() / expected.norm(dim=1).mean()
    assert difference < (0.01 if precision == "fp32" else 0.1)


def test_a_step_of_training_on_a_gpu_lowers_the_loss() -> None:
    random = torch.Generator(device="cuda").manual_seed(3)
    torch.manual_seed(4)
    net = PWCNet(PRESETS["lite"]).cuda().to(memory_format=torch.channels_last)
    optimizer = torch.optim.AdamW(net.parameters(), lr=1e-4)
    first = torch.rand(4, 3, 128, 128, generator=random, device="cuda")
    losses = []
    for _ in range(10):
        with torch.autocast("cuda", torch.bfloat16):
            flows = net(first, first.roll(2, dims=-1))
        loss = sum((flow - flow.new_tensor([2.0, 0.0])[:, None, None]).norm(dim=1).mean() for flow in flows)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(float(loss))
    assert losses[-1] < 0.9 * losses[0]
