"""Flow fields of known motions, on the grid of stages.motion.grid."""

import torch
from torch import Tensor

from stages.motion.grid import to_pixels
from stages.motion.trajectories import Size
from stages.shards.flow_schema import cells_of, to_units
from stages.shards.flow_schema import to_pixels as from_units


def middles(size: Size) -> Tensor:
    """Positions of the middles of all cells, (2, h, w), px, x before y; cut cells count as whole ones."""
    x, y = (to_pixels(torch.arange(cells_of(side), dtype=torch.float64)) for side in (size.width, size.height))
    return torch.stack([x.expand(len(y), -1), y[:, None].expand(-1, len(x))])


def affine_flow(linear: Tensor, centre: Tensor, size: Size, num_steps: int) -> Tensor:
    """Each step takes x to centre + linear (x - centre): (1, S, 2, h, w), px, the same in every step."""
    return _moved(linear, centre, middles(size)).sub(middles(size)).float().expand(1, num_steps, -1, -1, -1)


def carried(linear: Tensor, centre: Tensor, starts: Tensor, num_steps: int) -> Tensor:
    """Where that motion takes points (2, P, Q), exactly: positions after each step, (S, 2, P, Q)."""
    positions = [starts.double()]
    for _ in range(num_steps):
        positions.append(_moved(linear, centre, positions[-1]))
    return torch.stack(positions[1:])


def turning(degrees: float) -> Tensor:
    """Rotation, clockwise on the screen."""
    angle = torch.deg2rad(torch.tensor(degrees, dtype=torch.float64))
    return torch.stack([torch.stack([angle.cos(), -angle.sin()]), torch.stack([angle.sin(), angle.cos()])])


def middle_of(size: Size) -> Tensor:
    """Middle of the frame, px."""
    return torch.tensor([(size.width - 1) / 2, (size.height - 1) / 2], dtype=torch.float64)


def stored(flow: Tensor) -> Tensor:
    """The same flow as it comes back from a shard."""
    return torch.from_numpy(from_units(to_units(flow.numpy())[0]))


def _moved(linear: Tensor, centre: Tensor, points: Tensor) -> Tensor:
    about = centre[:, None, None]
    return about + torch.einsum("ij,jpq->ipq", linear, points - about)
