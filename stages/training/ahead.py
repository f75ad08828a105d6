"""Makes the next batch while the last one is learnt from."""

from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager

import torch

from stages.training.batches import Batch


@contextmanager
def made_ahead(make: Callable[[int], Batch], last: int) -> Iterator[Callable[[int], Batch]]:
    """The function `make` of a step, one step ahead of whoever asks for steps below `last` in their order.

    A batch depends on its step alone, so that nothing changes but when it is made. Reading, mixing and scaling leave
    Python's lock while they work.
    """
    waiting: dict[int, Future[Batch]] = {}
    threads = torch.get_num_threads()
    with ThreadPoolExecutor(max_workers=1, thread_name_prefix="batches") as worker:
        worker.submit(_alone).result()
        torch.set_num_threads(threads)  # of all other threads

        def take(step: int) -> Batch:
            wanted = waiting.pop(step, None) or worker.submit(make, step)
            if step + 1 < last and step + 1 not in waiting:
                waiting[step + 1] = worker.submit(make, step + 1)
            return wanted.result()

        yield take
        for future in waiting.values():
            future.cancel()


def _alone() -> None:
    """Work with one of torch's threads: a second team of them would contend with the one that learns."""
    torch.set_num_threads(1)
    torch.get_num_threads()  # else the first operation takes the number that was set last, by whichever thread
