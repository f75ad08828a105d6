"""Batch norm over the rows of all ranks: torch's own SyncBatchNorm on CUDA, one of ours elsewhere, where it refuses.

Axes: W ranks, M rows, C channels.
"""

import torch
from torch import Tensor, nn

from stages.training.ranks import Ranks, placed

_Norm = nn.BatchNorm1d | nn.BatchNorm2d | nn.BatchNorm3d


class JoinedNorm(nn.Module):
    """An `nn.BatchNorm*` whose statistics are those of the batch that all ranks have together (Ioffe & Szegedy 2015).

    It takes over parameters and buffers of the norm that it replaces, under the same names, so that optimizer and
    checkpoints see no difference.
    """

    weight: Tensor | None
    bias: Tensor | None
    running_mean: Tensor
    running_var: Tensor
    num_batches_tracked: Tensor

    def __init__(self, norm: _Norm, ranks: Ranks) -> None:
        super().__init__()
        if norm.momentum is None or norm.running_mean is None:
            raise ValueError(f"{norm}: expected running statistics with a momentum")
        self._ranks, self._eps, self._momentum = ranks, norm.eps, norm.momentum
        for name in ("weight", "bias"):
            self.register_parameter(name, getattr(norm, name))
        for name in ("running_mean", "running_var", "num_batches_tracked"):
            self.register_buffer(name, getattr(norm, name))

    def forward(self, x: Tensor) -> Tensor:
        """(M, C, ...) of this rank -> the same shape and dtype."""
        if not self.training:
            return nn.functional.batch_norm(
                x, self.running_mean, self.running_var, self.weight, self.bias, eps=self._eps
            )
        mean, variance, count = self._statistics(x.float())
        with torch.no_grad():
            self.num_batches_tracked += 1
            self.running_mean.lerp_(mean, self._momentum)
            self.running_var.lerp_(variance * (count / (count - 1).clamp_min(1)), self._momentum)
        scale = torch.rsqrt(variance + self._eps)
        scale = scale if self.weight is None else scale * self.weight
        along = (1, -1, *[1] * (x.ndim - 2))
        y = (x - mean.view(along)) * scale.view(along)
        return (y if self.bias is None else y + self.bias.view(along)).to(x.dtype)

    def _statistics(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Mean and variance, (C,), and how many values a channel has, from those of each rank (Chan et al. 1979)."""
        over = [axis for axis in range(x.ndim) if axis != 1]
        variance, mean = torch.var_mean(x, over, correction=0)
        count = x.new_full((1,), x.numel() // x.shape[1])
        of_ranks = self._ranks.summed(placed(self._ranks, torch.cat([mean, variance, count])))
        means, variances, counts = of_ranks.split([x.shape[1], x.shape[1], 1], dim=1)
        shares = counts / counts.sum()
        mean = (shares * means).sum(dim=0)
        return mean, (shares * (variances + (means - mean).square())).sum(dim=0), counts.sum()


def join_norms(net: nn.Module, ranks: Ranks) -> None:
    """Replace every batch norm below a network by one over all ranks; parameters, buffers and names stay."""
    if any(value.is_cuda for value in net.parameters()):
        nn.SyncBatchNorm.convert_sync_batchnorm(net)
        return
    for parent in list(net.modules()):
        for name, child in list(parent.named_children()):
            if isinstance(child, _Norm):
                setattr(parent, name, JoinedNorm(child, ranks).train(child.training))
