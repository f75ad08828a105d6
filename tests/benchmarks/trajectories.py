"""Trajectories beside plain numpy and plain torch: `python -m tests.benchmarks.trajectories [result.json]`.

Plain: what one writes down first, px by px of the frame, clip by clip: floor, four reads, four weights in numpy;
grid_sample with coordinates scaled in every step in torch. All three freeze and mark what leaves the frame.
"""

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from stages.motion.trajectories import Size, Tracks, follow
from stages.shards.trajectory_schema import starts_px
from tests.benchmarks.timing import interleaved, tell

REPEATS, CLIPS = 15, 8
SIZE, STEPS = Size(224, 224), 47
GRIDS_PX = {"a point for each pixel": 1, "a point for each cell": 4}
GOALS_X = {"numpy": 8, "torch": 1.5}


def main() -> None:
    torch.set_num_threads(1)
    flow = wandering(CLIPS)
    valid = (torch.rand(CLIPS, STEPS, 56, 56, generator=torch.Generator().manual_seed(2)) > 0.02).float()
    tell({"clips": CLIPS, "n": REPEATS, **{name: measured(flow, valid, step) for name, step in GRIDS_PX.items()}})


def wandering(num: int) -> Tensor:
    """Smooth flow of some px, other in every step, (num, STEPS, 2, 56, 56)."""
    coarse = 2 * torch.randn(num * STEPS, 2, 7, 7, generator=torch.Generator().manual_seed(1))
    fine = functional.interpolate(coarse, size=(56, 56), mode="bicubic")
    return fine.reshape(num, STEPS, 2, 56, 56)


def measured(flow: Tensor, valid: Tensor, grid_step_px: int) -> dict[str, object]:
    """CPU ms a clip of each method, and how far their results are from each other."""
    starts = torch.from_numpy(starts_px(SIZE.height, SIZE.width, grid_step_px))
    # dense grids leave the cache when several clips are followed at once
    batch = 1 if grid_step_px == 1 else CLIPS
    methods = {
        "numpy": lambda: [by_numpy(clip.numpy(), starts.numpy()) for clip in flow],
        "torch": lambda: [by_torch(clip, starts) for clip in flow],
        "ours": lambda: [ours(clips, starts) for clips in flow.split(batch)],
        "ours, looking at validity": lambda: [
            follow(clips, starts, SIZE, valid=doubts, min_valid=0.5)
            for clips, doubts in zip(flow.split(batch), valid.split(batch), strict=True)
        ],
    }
    spent = interleaved(methods, REPEATS)
    offsets, lost = by_torch(flow[0], starts)
    tracks = ours(flow[:1], starts)
    apart = (tracks.offsets[0] - offsets).norm(dim=1)
    return {
        "points": starts[0].numel(),
        "cpu_ms_a_clip": {name: round(1e3 * value / len(flow), 2) for name, value in spent.items()},
        "ratio": {name: round(spent[name] / spent["ours"], 2) for name in GOALS_X},
        "goal": GOALS_X,
        "lost_at_the_end": round(float(lost[-1].float().mean()), 3),
        # rounding decides whether a point on the edge leaves: one frame's step apart, then
        "share_of_points_apart_by_0.01_px": float((apart > 0.01).float().mean()),
    }


def ours(flow: Tensor, starts: Tensor) -> Tracks:
    """What the stage does."""
    return follow(flow, starts, SIZE, valid=None, min_valid=0.0)


def by_numpy(flow: NDArray[np.float32], starts: NDArray[np.float32]) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    """Offsets and lost, (S, 2, P, Q) and (S, P, Q), of one clip."""
    (x, y), alive = starts, np.ones(starts.shape[1:], bool)
    height, width = flow.shape[-2:]
    offsets, lost = [], []
    for field in flow:
        column, row = np.clip((x - 1.5) / 4, 0, width - 1), np.clip((y - 1.5) / 4, 0, height - 1)
        left, top = np.floor(column).astype(int), np.floor(row).astype(int)
        right, bottom = np.minimum(left + 1, width - 1), np.minimum(top + 1, height - 1)
        across, down = column - left, row - top
        motion = (
            field[:, top, left] * (1 - across) * (1 - down)
            + field[:, top, right] * across * (1 - down)
            + field[:, bottom, left] * (1 - across) * down
            + field[:, bottom, right] * across * down
        )
        to_x, to_y = x + motion[0], y + motion[1]
        alive = alive & (to_x >= -0.5) & (to_x < SIZE.width - 0.5) & (to_y >= -0.5) & (to_y < SIZE.height - 0.5)
        x, y = np.where(alive, to_x, x), np.where(alive, to_y, y)
        offsets.append(np.stack([x, y]) - starts)
        lost.append(~alive)
    return np.stack(offsets), np.stack(lost)


def by_torch(flow: Tensor, starts: Tensor) -> tuple[Tensor, Tensor]:
    """The same in torch."""
    position, alive = starts, torch.ones(starts.shape[1:], dtype=torch.bool)
    last = torch.tensor([flow.shape[-1] - 1, flow.shape[-2] - 1])
    sides = torch.tensor([SIZE.width, SIZE.height])[:, None, None]
    offsets, lost = [], []
    for field in flow:
        grid = (position.permute(1, 2, 0) - 1.5) / 4 * 2 / last - 1
        motion = functional.grid_sample(field[None], grid[None], padding_mode="border", align_corners=True)[0]
        target = position + motion
        alive = alive & ((target >= -0.5) & (target < sides - 0.5)).all(dim=0)
        position = torch.where(alive, target, position)
        offsets.append(position - starts)
        lost.append(~alive)
    return torch.stack(offsets), torch.stack(lost)


if __name__ == "__main__":
    main()
