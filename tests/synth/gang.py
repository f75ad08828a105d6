"""Processes that torch.distributed connects by gloo, without ray: each call of a function runs in all of them."""

import multiprocessing
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import torch
import torch.distributed as dist

from stages.training.ranks import Together

_PATIENCE = timedelta(seconds=60)  # for the others; a rank that failed never comes


class Gang:
    """Started ranks."""

    def __init__(self, pipes: list[Connection]) -> None:
        self._pipes = pipes

    def call(self, function: Callable[..., Any], *arguments: Any) -> list[Any]:
        """`function(ranks, *arguments)`, a module's own, on every rank; what each returns, or the first's error."""
        for pipe in self._pipes:
            pipe.send((function, arguments))
        answers = [pipe.recv() for pipe in self._pipes]
        for answer in answers:
            if isinstance(answer, BaseException):
                raise answer
        return answers


@contextmanager
def gang(size: int, folder: Path) -> Iterator[Gang]:
    """`size` ranks on this machine, ended at the end; they meet in a file of the folder."""
    context = multiprocessing.get_context("spawn")
    ends = [context.Pipe() for _ in range(size)]
    meeting = f"file://{folder / 'meeting'}"
    processes = [
        context.Process(target=_obey, args=(rank, size, meeting, end), daemon=True)
        for rank, (_, end) in enumerate(ends)
    ]
    for process in processes:
        process.start()
    try:
        yield Gang([end for end, _ in ends])
    finally:
        for process in processes:
            process.kill()
            process.join()


def _obey(rank: int, size: int, meeting: str, pipe: Connection) -> None:
    torch.set_num_threads(1)
    dist.init_process_group("gloo", init_method=meeting, rank=rank, world_size=size, timeout=_PATIENCE)
    ranks = Together(torch.device("cpu"))
    while True:
        function, arguments = pipe.recv()
        try:
            pipe.send(function(ranks, *arguments))
        except Exception as error:  # whatever a test's function does wrong is the test's to see
            pipe.send(error)
