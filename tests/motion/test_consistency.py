import pytest
import torch

from stages.motion.consistency import inside, leads_home

PAPER = {"relative": 0.01, "absolute_px2": 0.5}


def uniform(u: float, v: float, height: int = 8, width: int = 12) -> torch.Tensor:
    return torch.tensor([u, v], dtype=torch.float32)[None, :, None, None].expand(1, 2, height, width).clone()


def test_a_way_back_that_leads_home_is_valid() -> None:
    assert leads_home(uniform(7, -3), uniform(-7, 3), **PAPER).all()
    assert not leads_home(uniform(7, -3), uniform(7, 3), **PAPER).any()


@pytest.mark.parametrize(("moved_px", "wrong_px", "valid"), [(0, 0.70, True), (0, 0.72, False), (30, 4, True)])
def test_both_tolerances_of_the_paper(moved_px: float, wrong_px: float, valid: bool) -> None:
    """|f + b|^2 = wrong^2 against .01 * (f^2 + b^2) + .5: at rest .707 px are allowed, at 30 px 4.3."""
    found = leads_home(uniform(moved_px, 0), uniform(wrong_px - moved_px, 0), **PAPER)
    assert found.all() if valid else not found.any()


def test_the_way_back_is_read_where_the_way_there_leads() -> None:
    """Only columns 6 and on lead back by -8 px: those that go there, two cells to the left, are valid."""
    backward = uniform(0, 0)
    backward[:, 0, :, 6:] = -8
    valid = leads_home(uniform(8, 0), backward, **PAPER)
    assert valid[0, 0].tolist() == [False] * 4 + [True] * 8


def test_it_is_read_between_cells_and_its_edge_counts_outside() -> None:
    """A way back that grows by 1 px a cell is met exactly after 2 px, half a cell, and stays what it is at the edge."""
    ramp = uniform(0, 0)
    ramp[:, 0] = torch.arange(12.0)
    for k in range(12):
        back = min(k + 0.5, 11.0)
        forward = uniform(2, 0)
        exact = leads_home(forward, ramp, relative=0.0, absolute_px2=(2 + back) ** 2 * 1.0001)
        below = leads_home(forward, ramp, relative=0.0, absolute_px2=(2 + back) ** 2 * 0.9999)
        assert exact[0, 0, k] and not below[0, 0, k]


def test_what_is_no_number_is_not_valid() -> None:
    broken = uniform(0, 0)
    broken[0, 0, 2, 3] = torch.nan
    valid = leads_home(broken, uniform(0, 0), **PAPER)
    assert not valid[0, 2, 3] and valid.sum() == valid.numel() - 1


def test_a_grid_of_one_cell() -> None:
    assert leads_home(uniform(1, 0, 1, 1), uniform(-1, 0, 1, 1), **PAPER).all()


@pytest.mark.parametrize(
    ("u", "v", "columns", "rows"), [(8, 0, 10, 8), (-2.1, 0, 11, 8), (-1.9, 0, 12, 8), (0, 30.1, 12, 0)]
)
def test_what_leaves_the_frame_is_not_inside(u: float, v: float, columns: int, rows: int) -> None:
    """Middles lie at 1.5, 5.5, ...: 8 px to the right push two columns over the edge at 47.5."""
    found = inside(uniform(u, v), height=32, width=48)
    assert found.sum() == columns * rows
    if u > 0:
        assert found[0, 0].tolist() == [True] * 10 + [False] * 2


def test_a_cut_cell_belongs_to_the_frame_s_own_edge() -> None:
    """46 px have 12 columns; the last middle, 45.5, is the edge itself: nothing moves further."""
    assert inside(uniform(0, 0), height=32, width=46).all()
    assert not inside(uniform(0.1, 0), height=32, width=46)[0, :, -1].any()
