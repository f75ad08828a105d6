"""Pictures vary as asked, all frames of a clip alike."""

import pytest
import torch
from torch import Tensor
from torch.testing import assert_close

from stages.curricula import Augmentation
from stages.training.augmentation import vary

NOTHING = Augmentation(zoom=0, shift=0, contrast=0, brightness=0, shuffle_channels=False)


def _frames() -> Tensor:
    return torch.rand(2, 3, 16, 16, generator=torch.Generator().manual_seed(1))


def _varied(frames: Tensor, seed: int, **how: object) -> Tensor:
    return vary(frames, NOTHING.model_copy(update=how), torch.Generator().manual_seed(seed))


def test_nothing_asked_nothing_changed() -> None:
    assert torch.equal(_varied(_frames(), 1), _frames())


@pytest.mark.parametrize(
    "how", [{"zoom": 0.3}, {"shift": 0.3}, {"contrast": 0.4}, {"brightness": 0.2}, {"shuffle_channels": True}]
)
def test_draws_differ_and_repeat(how: dict[str, object]) -> None:
    found = [_varied(_frames(), seed, **how) for seed in (1, 2, 1)]
    assert torch.equal(found[0], found[2])
    assert not torch.equal(found[0], found[1])


def test_equal_frames_stay_equal() -> None:
    still = _frames()[:1].expand(2, -1, -1, -1)
    first, second = _varied(still, 3, zoom=0.2, shift=0.2, contrast=0.4, brightness=0.1, shuffle_channels=True)
    assert torch.equal(first, second)


def test_colours_change_places_and_nothing_else() -> None:
    found = _varied(_frames(), 5, shuffle_channels=True)
    assert_close(found.sort(dim=1).values, _frames().sort(dim=1).values)


def test_contrast_and_brightness_are_of_each_colour() -> None:
    flat = torch.ones(1, 3, 4, 4)
    found = torch.stack([_varied(flat, seed, contrast=0.4)[0, :, 0, 0] for seed in range(200)])
    assert 0.6 <= found.min() < 0.65 and 1.35 < found.max() < 1.4
    assert found.std(dim=1).min() > 0


def test_a_shift_moves_the_middle_by_its_part_of_half_the_side() -> None:
    rows = torch.linspace(-1, 1, 65)[:, None].expand(65, 65)[None, None].expand(1, 3, 65, 65)
    middles = torch.stack([_varied(rows, seed, shift=0.3)[0, 0, 32, 32] for seed in range(100)])
    assert 0.25 < middles.abs().max() <= 0.31


def test_zoom_shows_more_or_less_of_the_picture() -> None:
    rows = torch.linspace(-1, 1, 65)[:, None].expand(65, 65)[None, None].expand(1, 3, 65, 65)
    steepness = torch.stack([_varied(rows, seed, zoom=0.3)[0, 0, 33, 32] * 32 for seed in range(100)])
    assert 0.7 <= steepness.min() < 0.75 and 1.25 < steepness.max() <= 1.32
