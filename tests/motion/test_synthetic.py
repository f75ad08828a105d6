"""Made-up pairs against what their own frames show, and against closed forms."""

from dataclasses import replace

import pytest
import torch
from torch import Tensor
from torch.testing import assert_close

from stages.motion.movements import Difficulty, Movements, draw_movements
from stages.motion.shapes import Shapes, draw_shapes
from stages.motion.synthetic import Pairs, draw_pairs
from stages.motion.textures import SIDE_PX, draw_textures
from stages.motion.warp import warp

HARD = Difficulty(layers=6, resting=0.2, still=0.2, shift_px=12, turn_rad=0.4, stretch=0.2, wave_px=4)
STILL = Difficulty(layers=4, resting=1.0, still=1.0, shift_px=12, turn_rad=0.4, stretch=0.2, wave_px=0)


def random(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


@pytest.fixture(scope="module")
def textures() -> Tensor:
    return draw_textures(20, random(1))


@pytest.fixture(scope="module")
def pairs(textures: Tensor) -> Pairs:
    return draw_pairs(textures, HARD, 8, 96, random(2))


def difference(one: Tensor, two: Tensor, where: Tensor) -> float:
    """Mean distance of colours, once the light of `one` (gain and bias by picture and colour) is that of `two`."""
    left: list[Tensor] = []
    for mine, other, mask in zip(one, two, where[:, 0], strict=True):
        for x, y in zip(mine[:, mask], other[:, mask], strict=True):
            design = torch.stack([x, torch.ones_like(x)], dim=1)
            left.append((design @ torch.linalg.lstsq(design, y[:, None]).solution - y[:, None]).abs())
    return float(torch.cat(left).mean())


def test_shapes_and_ranges(pairs: Pairs) -> None:
    assert pairs.first.shape == pairs.second.shape == (16, 3, 96, 96)
    assert pairs.flow.shape == (16, 2, 96, 96)
    assert pairs.seen.shape == pairs.inside.shape == (16, 1, 96, 96)
    assert 0 <= float(pairs.first.min()) < 0.2 and 0.8 < float(pairs.first.max()) <= 1


def test_the_second_frame_drawn_back_by_the_flow_is_the_first(pairs: Pairs) -> None:
    """Where anything moves: what is left is blur and noise, which differ by intent, and the edges of layers."""
    home = warp(pairs.second, pairs.flow, 0.999)
    visible = pairs.seen & pairs.inside
    moving = visible & (pairs.flow.norm(dim=1, keepdim=True) > 2)
    assert difference(home, pairs.first, moving) < 0.35 * difference(pairs.second, pairs.first, moving)
    assert 0.7 < float(visible.float().mean()) < 0.98


@pytest.mark.parametrize("off", [(0.25, 0.0), (-0.25, 0.0), (0.0, 0.25), (0.0, -0.25)])
def test_a_flow_that_is_a_quarter_pixel_off_draws_it_back_worse(pairs: Pairs, off: tuple[float, float]) -> None:
    visible = pairs.seen & pairs.inside
    wrong = pairs.flow + torch.tensor(off)[:, None, None]
    right = difference(warp(pairs.second, pairs.flow, 0.999), pairs.first, visible)
    assert difference(warp(pairs.second, wrong, 0.999), pairs.first, visible) > 1.01 * right


def test_what_is_called_covered_looks_different(pairs: Pairs) -> None:
    home = warp(pairs.second, pairs.flow, 0.999)
    seen, covered = pairs.seen & pairs.inside, ~pairs.seen & pairs.inside
    assert difference(home, pairs.first, covered) > 4 * difference(home, pairs.first, seen)


def test_there_and_back_leads_home_where_both_frames_see_it(pairs: Pairs) -> None:
    """The second half are the same scenes backwards: their flow, read where the first half's leads, is its opposite."""
    forth, back = pairs.flow.chunk(2)
    visible = (pairs.seen & pairs.inside)[: len(forth)]
    error = (forth + warp(back, forth, 0.999)).norm(dim=1, keepdim=True)[visible]
    assert float(error.quantile(0.9)) < 0.02  # the rest lies at the edges of layers, where two flows are mixed
    assert_close(pairs.first.chunk(2)[0], pairs.second.chunk(2)[1])


def test_the_map_back_undoes_the_map_forth() -> None:
    shapes = draw_shapes(4, 3, 96, random(3))
    movements = draw_movements(shapes, HARD, 96, random(4))
    points = 96 * (torch.rand(4, 2, 500, generator=random(5)) - 0.5)
    for layer in range(3):
        owner = torch.full((4, 500), layer)
        there = movements.forth(points, owner)
        assert_close(movements.back(there[:, None])[:, layer], points, atol=2e-3, rtol=0)


def test_a_shift_hides_a_strip_of_its_own_width() -> None:
    """A half-plane that goes 5 px to the right over a resting ground: exactly the next 5 columns are covered."""
    ground, wall = torch.tensor([1e4] * 5), torch.tensor([0.0, 1e4, 1e4, 1e4, 1e4])
    normals = torch.tensor([[1.0, 0.0], [0.0, 1.0], [-1.0, 0.0], [0.0, -1.0], [0.0, 1.0]])
    zeros = torch.zeros(1, 2)
    shapes = Shapes(
        centre=torch.zeros(1, 2, 2),
        along=torch.tensor([[[1.0, 0.0]] * 2]),
        length=zeros + 50,
        bend=zeros,
        normals=normals.expand(1, 2, 5, 2),
        offsets=torch.stack([ground, wall])[None],
        rounding=zeros + 2,
        ring=zeros + 1e5,
        softness=zeros + 1,
    )
    movements = Movements(
        linear=torch.eye(2).expand(1, 2, 2, 2),
        shift=torch.tensor([[[0.0, 0.0], [5.0, 0.0]]]),
        amplitude=torch.zeros(1, 2, 2, 2),
        frequency=torch.zeros(1, 2, 2, 2),
        phase=torch.zeros(1, 2, 2),
    )
    columns = torch.arange(-19.5, 20)
    points = torch.stack([columns, torch.zeros_like(columns)])[None, None]
    before = shapes.coverage(points.expand(1, 2, -1, -1))[0, 1]
    after = shapes.coverage(movements.back(points))[0, 1]
    assert_close((after >= 0.5) & (before < 0.5), (columns > 0) & (columns < 5))
    assert_close(movements.forth(points[0], (before >= 0.5).long()[None])[0, 0], columns + 5 * (columns < 0))


def test_nothing_moves_where_all_rests(textures: Tensor) -> None:
    still = draw_pairs(textures, STILL, 2, 64, random(6))
    assert float(still.flow.abs().max()) < 1e-4
    assert bool(still.seen.all()) and bool(still.inside.all())


def test_bounds_are_kept(textures: Tensor) -> None:
    shifted = replace(HARD, shift_px=3, turn_rad=0, stretch=0, wave_px=0)
    flow = draw_pairs(textures, shifted, 8, 64, random(7)).flow.norm(dim=1)
    assert 2 < float(flow.max()) <= 6 + 1e-3  # a layer's shift upon the camera's


def test_the_seed_decides_all(textures: Tensor) -> None:
    one, same, other = (draw_pairs(textures, HARD, 1, 64, random(seed)) for seed in (8, 8, 9))
    for field in ("first", "second", "flow", "seen", "inside"):
        assert torch.equal(getattr(one, field), getattr(same, field))
    assert not torch.equal(one.first, other.first)
    assert torch.equal(draw_textures(5, random(1)), draw_textures(5, random(1)))


def test_textures_are_of_all_kinds(textures: Tensor) -> None:
    assert textures.shape == (20, 3, SIDE_PX, SIDE_PX)
    assert float(textures.min()) >= 0 and float(textures.max()) <= 1
    roughness = (textures[..., 1:] - textures[..., :-1]).abs().mean(dim=(1, 2, 3))
    assert float(roughness.max()) > 10 * float(roughness.min())
