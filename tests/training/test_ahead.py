"""Batches made ahead: the same ones, in the same order, each once."""

import threading

import pytest
import torch

from stages.training.ahead import made_ahead
from stages.training.batches import Batch


def _batch(step: int) -> Batch:
    return Batch(torch.full((1, 2, 3), float(step)), torch.zeros(1, 2, 1, 3, 4, 4))


def test_each_batch_is_made_once_and_one_ahead() -> None:
    made: list[int] = []
    second = threading.Event()

    def make(step: int) -> Batch:
        made.append(step)
        if step == 1:
            second.set()
        return _batch(step)

    with made_ahead(make, 4) as batch_of:
        assert batch_of(0).sources[0, 0, 0] == 0
        assert second.wait(10)  # though nobody asked for it
        assert [batch_of(step).sources[0, 0, 0].item() for step in (1, 2, 3)] == [1, 2, 3]
    assert made == [0, 1, 2, 3]


def test_the_same_step_again_and_a_step_out_of_order_are_made_when_asked_for() -> None:
    with made_ahead(_batch, 9) as batch_of:
        assert [batch_of(step).sources[0, 0, 0].item() for step in (3, 3, 7, 4)] == [3, 3, 7, 4]


def test_a_fault_is_that_of_the_step_it_belongs_to() -> None:
    def make(step: int) -> Batch:
        if step == 2:
            raise ValueError("step 2 is damaged")
        return _batch(step)

    with made_ahead(make, 5) as batch_of:
        batch_of(0)
        batch_of(1)
        with pytest.raises(ValueError, match="step 2 is damaged"):
            batch_of(2)


@pytest.mark.parametrize("threads", [1, 2, 3])
def test_batches_are_made_by_one_thread_and_all_others_keep_theirs(threads: int) -> None:
    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        used: list[int] = []

        def make(step: int) -> Batch:
            batch = _batch(step)
            used.append(torch.get_num_threads())
            return batch

        with made_ahead(make, 2) as batch_of:
            batch_of(0)
            batch_of(1)
            elsewhere = threading.Thread(target=lambda: used.append(torch.get_num_threads()))
            elsewhere.start()
            elsewhere.join()
            assert torch.get_num_threads() == threads
        assert used == [1, 1, threads]
    finally:
        torch.set_num_threads(before)
