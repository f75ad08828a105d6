"""What a further look at a pair of frames is shown."""

import torch
from torch.testing import assert_close

from stages.motion.looks import ENLARGED, next_look


def test_the_second_frame_is_drawn_back_and_both_are_enlarged() -> None:
    first = torch.rand(2, 3, 24, 32, generator=torch.Generator().manual_seed(1))
    second = first.roll((2, 3), dims=(2, 3))
    flow = torch.tensor([3.0, 2.0])[:, None, None].expand(2, 2, 24, 32)
    one, two, shown = next_look(first, second, flow)
    assert one.shape == two.shape == (2, 3, ENLARGED * 24, ENLARGED * 32)
    assert_close(two, one)
    assert shown[:, :, :22, :29].all() and not shown[:, :, 22:].any() and not shown[..., 29:].any()


def test_what_left_the_frame_shows_the_first() -> None:
    first, second = torch.zeros(1, 3, 16, 16), torch.ones(1, 3, 16, 16)
    one, two, shown = next_look(first, second, torch.full((1, 2, 16, 16), 100.0))
    assert torch.equal(one, two) and not shown.any()
