"""Generators are functions of their names."""

import pytest
import torch

from stages.training.seeding import choose_device, generator


def test_equal_names_draw_equally_and_others_differ() -> None:
    def draw(*names: int | str) -> int:
        return int(torch.randint(2**40, (), generator=generator(*names)))

    assert draw(1, 2, 3) == draw(1, 2, 3)
    assert len({draw(seed, step, row) for seed in range(3) for step in range(20) for row in range(4)}) == 240
    assert draw(1, 11) != draw(11, 1)


def test_cuda_is_refused_where_there_is_none() -> None:
    if torch.cuda.is_available():
        pytest.skip("this machine has a GPU")
    assert choose_device("auto") == torch.device("cpu")
    with pytest.raises(ValueError, match=r"train\.device: cuda is wanted"):
        choose_device("cuda")
