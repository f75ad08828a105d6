"""Points that are carried along by flow: I_{t+1} = I_t + w_t(I_t) (deep dense trajectories, Zhao et al. 2019).

Axes: B clips, S steps from a frame to the next, P x Q points, h x w cells of flow. Positions are those of grid.py, x
before y.
"""

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from stages.motion.grid import GRID_PX, cells_of
from stages.params import Trajectories
from stages.shards.trajectory_schema import starts_px


@dataclass(frozen=True, slots=True)
class Size:
    """Of a frame, px."""

    height: int
    width: int


@dataclass(frozen=True, slots=True)
class Tracks:
    """Where points are after each step, and which of them are lost by then."""

    offsets: Tensor  # (B, S, 2, P, Q), px from where the point started, x and y
    lost: Tensor  # (B, S, P, Q), bool: from this step on, the point stays where it was last known to be


def trace(flow: Tensor, valid: Tensor, size: Size, trajectories: Trajectories) -> Tracks:
    """Trajectories of clips: a grid of points is followed for `length_steps`, then the grid starts anew.

    Args:
        flow: (B, S, 2, h, w), px of the frame.
        valid: (B, S, h, w), 0 or 1.
        size: Of the frames.
        trajectories: Spacing of the grid, length, and how much flow must be valid.
    """
    num, steps = flow.shape[:2]
    length = min(trajectories.length_steps, max(steps, 1))
    begun = -(-steps // length)
    short = begun * length - steps  # the last grid may be followed for less than the length
    starts = torch.from_numpy(starts_px(size.height, size.width, trajectories.grid_step_px)).to(flow)
    doubts = trajectories.min_valid
    tracks = follow(
        _pad(flow, short).reshape(num * begun, length, *flow.shape[2:]),
        starts,
        size,
        valid=None if doubts is None else _pad(valid, short).reshape(num * begun, length, *valid.shape[2:]),
        min_valid=0.0 if doubts is None else doubts,
    )
    offsets, lost = (values.reshape(num, begun * length, *values.shape[2:]) for values in (tracks.offsets, tracks.lost))
    return Tracks(offsets[:, :steps], lost[:, :steps])


def follow(flow: Tensor, starts: Tensor, size: Size, *, valid: Tensor | None, min_valid: float) -> Tracks:
    """Carry points from the first frame through all others.

    A point is lost where its next step leads out of the frame or where its flow can't be believed. It then stays, so
    every position lies in the frame.

    Args:
        flow: (B, S, 2, h, w), px of the frame; bilinear between the middles of cells, constant outside the outer ones.
        starts: (2, P, Q), px, in the frame.
        size: Of the frames.
        valid: (B, S, h, w), 0 or 1; None: all flow is believed.
        min_valid: A point goes on where the share of valid flow, by the weights of the interpolation, is above this.
    """
    _check(flow, starts, size)
    half = torch.tensor([size.width, size.height], dtype=flow.dtype, device=flow.device)[:, None, None] / 2
    fields = flow / half if valid is None else torch.cat([flow / half, valid[:, :, None] - min_valid], dim=2)
    # in halves of the frame from its middle, so that the edges are at -1 and 1 on both axes
    begin = ((starts + 0.5) / half - 1).expand(len(flow), -1, -1, -1)
    position, alive = begin, torch.ones_like(begin[:, :1])
    offsets = flow.new_empty(*flow.shape[:2], *starts.shape)
    made = torch.zeros_like(alive)
    for step in range(flow.shape[1]):
        found = _sample(fields[:, step], position, size)
        motion = found[:, :2]
        alive = alive * _allowed(position + motion, found[:, 2:])
        position = torch.addcmul(position, motion, alive)
        torch.mul(position - begin, half, out=offsets[:, step])
        made += alive
    steps = torch.arange(flow.shape[1], dtype=flow.dtype, device=flow.device)[:, None, None]
    return Tracks(offsets, steps >= made)


def _sample(fields: Tensor, position: Tensor, size: Size) -> Tensor:
    """Fields (B, C, h, w) at positions (B, 2, P, Q) in halves of the frame -> (B, C, P, Q)."""
    shares = [side / (GRID_PX * cells_of(side)) for side in (size.width, size.height)]
    if shares != [1.0, 1.0]:  # the last cells hang over the frame's edge
        share = torch.tensor(shares, dtype=position.dtype, device=position.device)[:, None, None]
        position = position * share + (share - 1)
    # x and y each contiguous: grid_sample is as fast as with pairs, all other arithmetic faster
    grid = position.permute(0, 2, 3, 1)
    return functional.grid_sample(fields, grid, mode="bilinear", padding_mode="border", align_corners=False)


def _allowed(target: Tensor, belief: Tensor) -> Tensor:
    """1 where a step may be made, else 0: (B, 2, P, Q) and (B, 0 or 1, P, Q) -> (B, 1, P, Q).

    In floats throughout, since comparisons, which give bools, take three times as long as these roundings.
    """
    reach = target.abs().amax(dim=1, keepdim=True)
    inside = (1 - reach).ceil_().clamp_(min=0)  # 1 - reach is at most 1
    return inside * belief.ceil().clamp_(min=0) if belief.shape[1] else inside


def _pad(values: Tensor, num: int) -> Tensor:
    """Zeros after the last of the steps, (B, S, ...) -> (B, S + num, ...)."""
    return functional.pad(values, (0, 0) * (values.ndim - 2) + (0, num)) if num else values


def _check(flow: Tensor, starts: Tensor, size: Size) -> None:
    cells = (cells_of(size.height), cells_of(size.width))
    if flow.ndim != 5 or flow.shape[2] != 2 or flow.shape[-2:] != cells:
        raise ValueError(
            f"flow of frames of {size.width} x {size.height} px must be (B, S, 2, {cells[0]}, {cells[1]}), got "
            f"{tuple(flow.shape)}"
        )
    if starts.ndim != 3 or starts.shape[0] != 2:
        raise ValueError(f"starts must be (2, P, Q), got {tuple(starts.shape)}")
