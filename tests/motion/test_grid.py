import pytest
import torch
from torch.testing import assert_close

from stages.motion.grid import expand, middles_px, reduce, to_cells, to_pixels


def ramp(height: int, width: int) -> torch.Tensor:
    """A plane over pixel positions: 3 + x / 2 - y / 4."""
    y, x = torch.meshgrid(torch.arange(height), torch.arange(width), indexing="ij")
    return 3 + 0.5 * x - 0.25 * y


def test_the_middle_of_a_cell_lies_between_its_second_and_third_pixel() -> None:
    assert_close(middles_px(3), torch.tensor([1.5, 5.5, 9.5]))
    assert_close(to_cells(torch.tensor([-0.5, 1.5, 3.5, 13.5])), torch.tensor([-0.5, 0.0, 0.5, 3.0]))


def test_there_and_back_is_the_same_place() -> None:
    positions = torch.linspace(-0.5, 223.5, 999)
    assert_close(to_pixels(to_cells(positions)), positions)


def test_the_mean_of_a_plane_is_its_value_in_the_middle_of_the_cell() -> None:
    cells = reduce(ramp(16, 24))
    x, y = middles_px(6)[None, :], middles_px(4)[:, None]
    assert_close(cells, 3 + 0.5 * x - 0.25 * y)


def test_a_cut_cell_is_the_mean_of_its_pixels() -> None:
    field = ramp(4, 6)
    assert_close(reduce(field)[0, 1], field[:, 4:].mean())


def test_a_plane_comes_back_at_full_size_between_the_outer_middles() -> None:
    field = ramp(16, 24)
    assert_close(expand(reduce(field), 16, 24)[2:-2, 2:-2], field[2:-2, 2:-2])


def test_leading_axes_stay() -> None:
    field = torch.rand(2, 3, 10, 14, generator=torch.Generator().manual_seed(1))
    cells = reduce(field)
    assert cells.shape == (2, 3, 3, 4)
    assert expand(cells, 10, 14).shape == field.shape
    assert_close(reduce(field[1, 2]), cells[1, 2])


def test_a_grid_of_another_frame_is_refused() -> None:
    with pytest.raises(ValueError, match="a frame of 24 x 16 px has 6 x 4 cells, got a grid of 5 x 4"):
        expand(torch.zeros(4, 5), 16, 24)
