"""The true motion of rendered performances as flow and as tracks of points, from the generator's own affines.

Positions are those of stages.motion.grid: px, the centre of the upper left pixel is (0, 0). The truth's own points are
measured from the picture's corner, half a pixel further up and left.
"""

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from stages.motion.trajectories import Size, follow
from stages.performances.film import Cast, cast, film, perform
from stages.performances.geometry import Affine
from stages.performances.truth import CELL_PX, displace, entry_affines, part_ids
from stages.shards.flow_schema import GRID_PX
from tests.synth.performances import take_of

_CORNER_PX = 0.5


@dataclass(frozen=True)
class Moving:
    """A take with its truth."""

    drawn: Cast
    affines: Affine  # (T, P + 1, 2, 3)
    ids: NDArray[np.uint8]  # (T, H / 2, W / 2)
    frames: Tensor  # (T, 3, H, W), RGB in [0, 1]

    @property
    def size(self) -> Size:
        """Of the frames."""
        return Size(*self.frames.shape[-2:])

    def entry(self, part: str) -> int:
        """Number of a part in `ids` and `affines`."""
        return [one.name for one in self.drawn.parts].index(part) + 1


def moving(instrument: str, *, side_px: int, frame_rate_hz: int, duration_s: float) -> Moving:
    """A solo, drawn and filmed."""
    performance = perform(take_of(instrument, side_px=side_px, frame_rate_hz=frame_rate_hz, duration_s=duration_s))
    drawn = cast(performance)
    frames = torch.from_numpy(np.stack(list(film(performance, drawn)))).permute(0, 3, 1, 2).float() / 255
    return Moving(drawn, entry_affines(drawn), part_ids(performance, drawn), frames)


def points_on(film: Moving, part: str, frame: int, num: int) -> Tensor:
    """Points that the part covers in a frame, at most `num`, spread over it: (2, 1, N)."""
    rows, columns = np.nonzero(film.ids[frame] == film.entry(part))
    chosen = np.unique(np.linspace(0, len(rows) - 1, num).round().astype(int))
    corners = (np.stack([columns[chosen], rows[chosen]]) + 0.5) * CELL_PX
    return torch.from_numpy(corners - _CORNER_PX).float()[:, None]


def true_tracks(film: Moving, part: str, starts: Tensor, steps: range) -> Tensor:
    """Where the part carries points of the frame `steps.start`: positions after each step, (S, 2, 1, N)."""
    entry, position, found = film.entry(part), starts.double().numpy() + _CORNER_PX, []
    for step in steps:
        position = np.stack(displace(film.affines, step, (position[0], position[1]), np.full(position[0].shape, entry)))
        found.append(position - _CORNER_PX)
    return torch.from_numpy(np.stack(found))


def fine_flow(film: Moving) -> Tensor:
    """What covers each place, moved as it truly moves, (T - 1, 2, H / 2, W / 2): at the corner of four pixels."""
    rows, columns = np.indices(film.ids.shape[1:])
    return _displacements(film, ((columns + 0.5) * CELL_PX, (rows + 0.5) * CELL_PX), film.ids)


def true_flow(film: Moving) -> Tensor:
    """The mean of the true flow over each cell of the quarter grid, (1, T - 1, 2, h, w)."""
    return functional.avg_pool2d(fine_flow(film), GRID_PX // CELL_PX)[None]


def flow_of_one(film: Moving, part: str) -> Tensor:
    """The flow if this part filled the picture, (1, T - 1, 2, h, w)."""
    rows, columns = np.indices([side // GRID_PX for side in (film.size.height, film.size.width)])
    x, y = (columns + 0.5) * GRID_PX, (rows + 0.5) * GRID_PX
    everywhere = np.full((len(film.ids), *x.shape), film.entry(part))
    return _displacements(film, (x, y), everywhere)[None]


def lively_stretches(film: Moving, part: str, num_steps: int, least_px: float) -> list[range]:
    """Steps, so many at once, that carry the part's points at least so far, on average; every second such stretch."""
    starts = range(0, len(film.frames) - 1 - num_steps, 2)
    return [steps for start in starts if _way_px(film, part, steps := range(start, start + num_steps)) >= least_px]


def errors_px(film: Moving, part: str, flow: Tensor, steps: range, valid: Tensor | None = None) -> Tensor:
    """Distance of the part's points, carried by a flow, from where they truly are after the steps, (N,).

    With the flow's validity, (1, S, h, w), without the points that were lost.
    """
    starts, stretch = points_on(film, part, steps.start, 40), slice(steps.start, steps.stop)
    doubted = None if valid is None else valid[:, stretch]
    tracks = follow(flow[:, stretch], starts, film.size, valid=doubted, min_valid=0.5)
    errors = (starts + tracks.offsets[0, -1] - true_tracks(film, part, starts, steps)[-1]).norm(dim=0)[0]
    return errors if valid is None else errors[~tracks.lost[0, -1, 0]]


def median_errors_px(film: Moving, part: str, flows: dict[str, Tensor], stretches: list[range]) -> dict[str, float]:
    """The median over all points and stretches for each flow, and as `still` how far they were carried."""
    still = {"still": torch.zeros_like(next(iter(flows.values())))}
    return {
        name: float(torch.cat([errors_px(film, part, flow, steps) for steps in stretches]).median())
        for name, flow in (still | flows).items()
    }


def _way_px(film: Moving, part: str, steps: range) -> float:
    starts = points_on(film, part, steps.start, 40)
    return float((true_tracks(film, part, starts, steps)[-1] - starts).norm(dim=0).mean())


def _displacements(
    film: Moving, corners: tuple[NDArray[np.float64], NDArray[np.float64]], ids: NDArray[np.integer]
) -> Tensor:
    moved = [displace(film.affines, step, corners, ids[step]) for step in range(len(ids) - 1)]
    return torch.from_numpy(np.stack([np.stack(to) - np.stack(corners) for to in moved])).float()
