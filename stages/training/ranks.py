"""Who learns together: one process alone, or several that share out every batch and agree on every number.

The loss is that of the whole batch. Each rank backpropagates its part of it, and sums over ranks go both ways: what a
rank contributes to the sum of others gets its gradient back from them. Added up over ranks, gradients are then those
of one process that had the whole batch.

Axes: W ranks, M rows of a batch.
"""

import math
from collections.abc import Sequence
from typing import Any, Protocol

import torch
import torch.distributed as dist
from torch import Tensor


class Ranks(Protocol):
    """Processes that take the same steps; all call the same methods in the same order."""

    @property
    def rank(self) -> int:
        """Which one this is; the first, 0, validates, logs and keeps."""
        ...

    @property
    def size(self) -> int:
        """W."""
        ...

    def summed(self, value: Tensor) -> Tensor:
        """Sum over ranks, whose gradient is the sum of what all ranks' losses say."""
        ...

    def add_up(self, values: Sequence[Tensor]) -> None:
        """Make each of the values, of one dtype, its sum over ranks, in place and without gradient."""
        ...

    def any(self, flag: bool) -> bool:
        """Whether it is so on any rank."""
        ...

    def told(self, value: float | None) -> float | None:
        """What the first rank says, a finite number or None; what others say is not heard."""
        ...


class Alone:
    """One process: nothing to agree on, and no number is touched."""

    rank, size = 0, 1

    def summed(self, value: Tensor) -> Tensor:
        """The value."""
        return value

    def add_up(self, values: Sequence[Tensor]) -> None:
        """Leaves the values."""

    def any(self, flag: bool) -> bool:
        """The flag."""
        return flag

    def told(self, value: float | None) -> float | None:
        """The value."""
        return value


ALONE = Alone()


class Together:
    """The processes of torch.distributed's default group, each with a device of its own."""

    def __init__(self, device: torch.device) -> None:
        self._device = device
        self.rank, self.size = dist.get_rank(), dist.get_world_size()

    def summed(self, value: Tensor) -> Tensor:
        """An all-reduce, and another one for the gradient."""
        return _Summed.apply(value)  # pyright: ignore[reportReturnType]

    def add_up(self, values: Sequence[Tensor]) -> None:
        """One message for all of them."""
        flat = torch.cat([value.reshape(-1) for value in values])
        dist.all_reduce(flat)
        for value, part in zip(values, flat.split([value.numel() for value in values]), strict=True):
            value.copy_(part.view(value.shape))

    def any(self, flag: bool) -> bool:
        """The greatest flag."""
        raised = torch.tensor(int(flag), device=self._device)
        dist.all_reduce(raised, dist.ReduceOp.MAX)
        return bool(raised.item())

    def told(self, value: float | None) -> float | None:
        """Broadcast; None travels as NaN."""
        heard = torch.tensor(math.nan if value is None else value, dtype=torch.float64, device=self._device)
        dist.broadcast(heard, src=0)
        return None if math.isnan(heard.item()) else heard.item()


def rows_of(ranks: Ranks, count: int) -> range:
    """Which of `count` rows are this rank's: equal shares in the order of ranks, as far as that goes."""
    return range(count * ranks.rank // ranks.size, count * (ranks.rank + 1) // ranks.size)


def joined(ranks: Ranks, rows: Tensor) -> Tensor:
    """Rows of all ranks, (M, ...), in the order of ranks and with their gradients; numbers of rows may differ."""
    if ranks.size == 1:
        return rows
    counts = ranks.summed(placed(ranks, torch.tensor(len(rows), device=rows.device))).tolist()
    before, after = sum(counts[: ranks.rank]), sum(counts[ranks.rank + 1 :])
    zeros = [rows.new_zeros(count, *rows.shape[1:]) for count in (before, after)]
    return ranks.summed(torch.cat([zeros[0], rows, zeros[1]]))


def placed(ranks: Ranks, value: Tensor) -> Tensor:
    """(W, ...): zero but for this rank's row, so that the sum over ranks holds every rank's value."""
    return torch.stack([value if rank == ranks.rank else torch.zeros_like(value) for rank in range(ranks.size)])


class _Summed(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, value: Tensor) -> Tensor:  # noqa: ARG004 - nothing is remembered
        summed = value.contiguous().clone()
        dist.all_reduce(summed)
        return summed

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> Tensor:  # noqa: ARG004  # pyright: ignore[reportIncompatibleMethodOverride]
        summed = gradient.contiguous().clone()
        dist.all_reduce(summed)
        return summed
