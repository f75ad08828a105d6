"""The only door to ray: a bounded map of a function over items, on this machine or on the cluster of RAY_ADDRESS."""

import os
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Protocol, TypeVar

from stages.compute.resources import num_workers

Item = TypeVar("Item")
Result = TypeVar("Result")

_START_TRIES = 3  # on a loaded machine ray's own start limits of 15 to 30 s fail now and then


class PoolError(RuntimeError):
    """The workers could not be started."""


class Pool(Protocol):
    """Runs a pure, idempotent function on many items; results come as they end, each with its item's position."""

    def map(self, function: Callable[[Item], Result], items: Sequence[Item]) -> Iterator[tuple[int, Result]]: ...


class SerialPool:
    """The same map in this process."""

    def map(self, function: Callable[[Item], Result], items: Sequence[Item]) -> Iterator[tuple[int, Result]]:
        """Results in the order of the items."""
        yield from ((position, function(item)) for position, item in enumerate(items))


class RayPool:
    """Ray tasks, at most two a worker in flight so that results never pile up in the object store."""

    def __init__(self, ray: Any, workers: int) -> None:
        self._ray, self._in_flight = ray, 2 * workers

    def map(self, function: Callable[[Item], Result], items: Sequence[Item]) -> Iterator[tuple[int, Result]]:
        """Results as they end; a task is tried again when its worker dies, at most twice, never on an exception."""
        remote = self._ray.remote(num_cpus=1, max_retries=2)(function)
        queue = iter(enumerate(items))
        pending: dict[Any, int] = {}
        while True:
            while len(pending) < self._in_flight and (entry := next(queue, None)) is not None:
                pending[remote.remote(entry[1])] = entry[0]
            if not pending:
                return
            done, _ = self._ray.wait(list(pending), num_returns=1)
            yield pending.pop(done[0]), self._ray.get(done[0])


@contextmanager
def open_pool() -> Iterator[Pool]:
    """Start ray once, use it, shut it down. PIXELS_SERIAL=1 runs everything in this process, for debugging."""
    if os.environ.get("PIXELS_SERIAL"):
        yield SerialPool()
        return
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    import ray

    _start(ray)
    try:
        yield RayPool(ray, int(ray.cluster_resources().get("CPU", 1)))
    finally:
        ray.shutdown()


def _start(ray: Any) -> None:
    where: dict[str, Any] = {} if os.environ.get("RAY_ADDRESS") else {"num_cpus": num_workers(), "include_dashboard": False}
    for attempt in range(_START_TRIES):
        try:
            ray.init(log_to_driver=True, logging_level="ERROR", **where)
            return
        except (RuntimeError, ConnectionError, TimeoutError, OSError) as error:
            ray.shutdown()
            if attempt + 1 == _START_TRIES:
                raise PoolError(f"ray did not start in {_START_TRIES} tries: {error}") from error
            time.sleep(2.0**attempt)
