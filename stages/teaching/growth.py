"""A larger network that begins with what a smaller one has learnt, as Net2Net does (Chen et al., ICLR 2016)."""

import torch
from torch import nn

from stages.motion.pwcnet import PWCNet


@torch.no_grad()
def grow(small: PWCNet, large: PWCNet) -> None:
    """Put the weights of `small` into `large`, in place.

    Inputs that only the large one has are not listened to at first, and a convolution that only it has hands on what
    it gets; its further outputs stay as they were drawn. So both see nearly the same flow, and all of it can be learnt.
    """
    known = dict(small.named_modules())
    for name, module in large.named_modules():
        if isinstance(module, nn.ConvTranspose2d):
            module.weight.zero_()
            _fill(module, known[name])
        elif isinstance(module, nn.Conv2d) and name in known:
            module.weight[: known[name].out_channels].zero_()
            _fill(module, known[name])
        elif isinstance(module, nn.Conv2d):
            nn.init.dirac_(module.weight)  # its bias is 0 from the start


def _fill(module: nn.Conv2d | nn.ConvTranspose2d, source: nn.Module) -> None:
    """The first channels of both sides."""
    assert isinstance(source, nn.Conv2d | nn.ConvTranspose2d) and source.bias is not None and module.bias is not None
    rows, columns = source.weight.shape[:2]
    module.weight[:rows, :columns] = source.weight
    module.bias[: len(source.bias)] = source.bias
