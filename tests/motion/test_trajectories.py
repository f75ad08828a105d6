"""Trajectories against closed forms; the flow is what shards would hold."""

import pytest
import torch
from torch import Tensor
from torch.testing import assert_close

from stages.motion.grid import expand
from stages.motion.trajectories import Size, Tracks, follow, trace
from stages.params import Trajectories
from stages.shards.trajectory_schema import starts_px
from tests.synth.fields import affine_flow, carried, middle_of, stored, turning

SIZE = Size(height=224, width=224)
STEPS = 47
IDENTITY = torch.eye(2, dtype=torch.float64)


def believed(flow: Tensor, starts: Tensor, size: Size) -> Tracks:
    return follow(flow, starts, size, valid=None, min_valid=0.0)


def start_grid(size: Size, step_px: int) -> Tensor:
    return torch.from_numpy(starts_px(size.height, size.width, step_px))


def uniform(dx_px: float, dy_px: float, size: Size, num_steps: int) -> Tensor:
    """(1, S, 2, h, w)."""
    motion = torch.tensor([dx_px, dy_px])[None, None, :, None, None]
    return motion.expand(1, num_steps, -1, -(-size.height // 4), -(-size.width // 4))


def points(*positions: tuple[float, float]) -> Tensor:
    """(2, 1, Q)."""
    return torch.tensor(positions).T[:, None]


def ring(inner_px: float, outer_px: float, size: Size) -> Tensor:
    """Points of the frame by their distance from its middle, (2, 1, Q), none of them the middle of a cell."""
    grid = start_grid(size, 3)
    distance = (grid - middle_of(size)[:, None, None]).norm(dim=0)
    return grid[:, (distance >= inner_px) & (distance < outer_px)][:, None]


def by_nearest_cell(flow: Tensor, starts: Tensor) -> Tensor:
    """What trajectories would be without interpolation: positions after each step, (S, 2, P, Q)."""
    position, found = starts.clone(), []
    for field in flow[0]:
        x, y = ((axis / 4 - 0.375).round().long() for axis in position)
        position = position + field[:, y, x]
        found.append(position)
    return torch.stack(found)


def errors(positions: Tensor, truth: Tensor) -> Tensor:
    """Distance of each point from the truth after the last step, px."""
    return (positions - truth)[-1].norm(dim=0)


def test_a_uniform_motion_is_a_straight_line() -> None:
    starts = points((10.0, 20.0), (0.0, 31.0), (30.25, 16.5))
    tracks = believed(uniform(2.0, -1.0, Size(32, 48), 5), starts, Size(32, 48))
    line = torch.arange(1, 6)[:, None, None, None] * torch.tensor([2.0, -1.0])[:, None, None]
    assert_close(tracks.offsets[0], line.expand(-1, -1, 1, 3), atol=1e-5, rtol=0)
    assert not tracks.lost.any()


@pytest.mark.parametrize("size", [SIZE, Size(126, 222)])
def test_a_rotation_is_followed_where_the_nearest_cell_errs_by_a_fifth_of_a_pixel(size: Size) -> None:
    """47 steps of one degree."""
    spin, centre, starts = turning(1.0), middle_of(size), ring(8, 60, size)
    flow, truth = affine_flow(spin, centre, size, STEPS), carried(spin, centre, starts, STEPS)
    tracks = believed(flow, starts, size)
    assert errors(starts + tracks.offsets[0], truth).max() < 0.002
    assert errors(by_nearest_cell(flow, starts), truth).mean() > 0.19
    assert not tracks.lost.any()


def test_what_rounding_flow_to_shards_costs() -> None:
    """A steady motion is rounded the same way in every step: the errors of at most 1/128 px add up."""
    spin, centre, starts = turning(1.0), middle_of(SIZE), ring(8, 60, SIZE)
    flow, truth = stored(affine_flow(spin, centre, SIZE, STEPS)), carried(spin, centre, starts, STEPS)
    rounded = errors(starts + believed(flow, starts, SIZE).offsets[0], truth)
    assert rounded.mean() < 0.1
    assert rounded.max() < STEPS / 128 * 2**0.5
    assert rounded.mean() < 0.5 * errors(by_nearest_cell(flow, starts), truth).mean()


def test_a_zoom_spreads_points_as_powers() -> None:
    centre, starts = middle_of(SIZE), ring(10, 40, SIZE)
    tracks = believed(affine_flow(1.02 * IDENTITY, centre, SIZE, STEPS), starts, SIZE)
    from_centre = starts - centre[:, None, None]
    powers = 1.02 ** torch.arange(1, STEPS + 1, dtype=torch.float64)
    assert_close(
        starts + tracks.offsets[0].double(),
        centre[:, None, None] + powers[:, None, None, None] * from_centre,
        atol=2e-3,
        rtol=0,
    )
    assert not tracks.lost.any()


def test_any_affine_motion_is_exact_between_the_outer_middles_of_cells() -> None:
    draw = torch.Generator().manual_seed(1)
    for size in (Size(64, 96), Size(50, 75)):
        starts = (
            2 + torch.rand(2, 40, 50, generator=draw) * (torch.tensor([size.width, size.height]) - 6)[:, None, None]
        )
        linear = IDENTITY + 0.02 * torch.randn(2, 2, generator=draw, dtype=torch.float64)
        tracks = believed(affine_flow(linear, middle_of(size), size, 1), starts, size)
        moved = carried(linear, middle_of(size), starts, 1)
        assert_close((starts + tracks.offsets[0]).double(), moved, atol=1e-4, rtol=0)


@pytest.mark.parametrize("size", [Size(24, 32), Size(22, 30), Size(21, 33)])
def test_a_pixel_moves_by_the_flow_of_full_size(size: Size) -> None:
    """Second implementation: `interpolate`, cut to the frame, edges and cut cells included."""
    flow = torch.rand(1, 1, 2, -(-size.height // 4), -(-size.width // 4), generator=torch.Generator().manual_seed(2))
    starts = start_grid(size, 1)
    tracks = believed(flow, starts, size)
    stays = tracks.lost[0, 0]
    assert 0 < stays.sum() < 60
    assert_close(
        tracks.offsets[0, 0], torch.where(stays, 0.0, expand(flow[0, 0], size.height, size.width)), atol=2e-6, rtol=0
    )


def test_points_that_would_leave_the_frame_stay_where_they_were_last_and_are_marked() -> None:
    size = Size(16, 20)
    tracks = believed(uniform(3.0, 0.0, size, 4), points((16.0, 8.0), (10.4, 3.0), (7.0, 3.0)), size)
    # the frame ends at 19.5: steps to 19 and 16.4 and 19.4 are made, those to 22 and 22.4 are not
    assert_close(tracks.offsets[0, :, 0, 0], torch.tensor([[3.0, 3, 3], [3, 6, 6], [3, 9, 9], [3, 9, 12]]))
    assert tracks.lost[0, :, 0].tolist() == [
        [False, False, False],
        [True, False, False],
        [True, False, False],
        [True, True, False],
    ]


@pytest.mark.parametrize("direction", [(-3.0, 0.0), (0.0, -3.0), (0.0, 3.0), (3.0, 0.0)])
def test_every_edge_of_a_frame_with_cut_cells_is_an_edge(direction: tuple[float, float]) -> None:
    size = Size(18, 22)
    starts = start_grid(size, 1)
    tracks = believed(uniform(*direction, size, 30), starts, size)
    assert tracks.lost[0, -1].all()
    positions = starts + tracks.offsets[0]
    assert positions.min() >= -0.5
    assert (positions < torch.tensor([size.width, size.height])[:, None, None] - 0.5).all()
    last = positions[-1]
    beyond = last + torch.tensor(direction)[:, None, None]
    sides = torch.tensor([size.width, size.height])[:, None, None]
    assert ((beyond < -0.5) | (beyond >= sides - 0.5)).any(dim=0).all()


def test_the_lost_stay_lost_though_later_flow_leads_back() -> None:
    size = Size(16, 16)
    there_and_back = torch.cat([uniform(5.0, 0.0, size, 2), uniform(-5.0, 0.0, size, 3)], dim=1)
    tracks = believed(there_and_back, points((8.0, 8.0), (0.0, 8.0)), size)
    assert_close(tracks.offsets[0, :, 0, 0], torch.tensor([[5.0, 5], [5, 10], [5, 5], [5, 0], [5, 0]]))
    assert tracks.lost[0, :, 0].tolist() == [[False, False], [True, False], [True, False], [True, False], [True, True]]


def test_a_point_is_lost_where_too_much_of_its_flow_is_doubted() -> None:
    """One column of cells is doubted; its share falls from 1 in its middle, x = 9.5, to 0 in its neighbours'."""
    size = Size(16, 24)
    valid = torch.ones(1, 2, 4, 6)
    valid[:, 1, :, 2] = 0
    starts = points(*((x, 6.0) for x in (5.5, 7.4, 7.6, 9.5, 11.4, 11.6, 13.5)))
    still = uniform(0.0, 0.25, size, 2)
    half = follow(still, starts, size, valid=valid, min_valid=0.5)
    assert not half.lost[:, 0].any()
    assert half.lost[0, 1, 0].tolist() == [False, False, True, True, True, False, False]
    assert_close(half.offsets[0, 1, 1, 0], torch.where(half.lost[0, 1, 0], 0.25, 0.5))
    strict = follow(still, starts, size, valid=valid, min_valid=0.9)
    assert strict.lost[0, 1, 0].tolist() == [False, True, True, True, True, True, False]
    any_will_do = follow(still, starts, size, valid=valid, min_valid=0.0)
    assert any_will_do.lost[0, 1, 0].tolist() == [False, False, False, True, False, False, False]


def test_clips_of_a_batch_do_not_touch_each_other() -> None:
    draw = torch.Generator().manual_seed(3)
    flow = 4 * torch.randn(3, 6, 2, 8, 12, generator=draw)
    valid = (torch.rand(3, 6, 8, 12, generator=draw) > 0.2).float()
    size, starts = Size(32, 48), start_grid(Size(32, 48), 3)
    together = follow(flow, starts, size, valid=valid, min_valid=0.5)
    for clip in range(3):
        alone = follow(flow[clip : clip + 1], starts, size, valid=valid[clip : clip + 1], min_valid=0.5)
        assert torch.equal(alone.offsets[0], together.offsets[clip])
        assert torch.equal(alone.lost[0], together.lost[clip])
    assert 0.1 < together.lost[:, -1].float().mean() < 0.9


def test_grids_start_anew_after_the_length() -> None:
    """Second implementation: each stretch followed by itself."""
    draw = torch.Generator().manual_seed(4)
    size = Size(32, 48)
    flow = 2 * torch.randn(2, 11, 2, 8, 12, generator=draw)
    valid = (torch.rand(2, 11, 8, 12, generator=draw) > 0.1).float()
    tracks = trace(flow, valid, size, Trajectories(grid_step_px=4, length_steps=4, min_valid=0.5))
    assert tracks.offsets.shape == (2, 11, 2, 8, 12)
    for start in (0, 4, 8):
        stretch = slice(start, min(start + 4, 11))
        alone = follow(flow[:, stretch], start_grid(size, 4), size, valid=valid[:, stretch], min_valid=0.5)
        assert torch.equal(tracks.offsets[:, stretch], alone.offsets)
        assert torch.equal(tracks.lost[:, stretch], alone.lost)


def test_without_doubts_validity_is_not_looked_at() -> None:
    flow, nothing = uniform(0.5, 0.5, Size(16, 16), 3), torch.zeros(1, 3, 4, 4)
    trusting = Trajectories(grid_step_px=4, length_steps=9, min_valid=None)
    assert not trace(flow, nothing, Size(16, 16), trusting).lost.any()
    assert trace(flow, nothing, Size(16, 16), trusting.model_copy(update={"min_valid": 0.0})).lost.all()


def test_a_clip_of_one_frame_has_no_steps() -> None:
    tracks = trace(
        torch.zeros(2, 0, 2, 4, 5),
        torch.zeros(2, 0, 4, 5),
        Size(16, 20),
        Trajectories(grid_step_px=8, length_steps=3, min_valid=0.5),
    )
    assert tracks.offsets.shape == (2, 0, 2, 2, 2)
    assert tracks.lost.shape == (2, 0, 2, 2)


def test_flow_of_another_frame_and_odd_starts_are_refused() -> None:
    with pytest.raises(
        ValueError, match=r"flow of frames of 20 x 16 px must be \(B, S, 2, 4, 5\), got \(1, 3, 2, 4, 4\)"
    ):
        believed(torch.zeros(1, 3, 2, 4, 4), points((1.0, 1.0)), Size(16, 20))
    with pytest.raises(ValueError, match=r"starts must be \(2, P, Q\), got \(2, 5\)"):
        believed(torch.zeros(1, 3, 2, 4, 5), torch.zeros(2, 5), Size(16, 20))
