"""Long-lived workers of ray: each holds what is slow to load, does item after item, and may be killed any time."""

from collections import Counter, deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from stages.compute.errors import MAX_DEATHS, PoolError, item_error

Item = TypeVar("Item")
Result = TypeVar("Result")


@dataclass(frozen=True, slots=True)
class Share:
    """What one long-lived worker takes of its node: fractions let several share a core or a GPU."""

    num_cpus: float
    num_gpus: float
    folders: tuple[Path, ...]  # absolute: what workers on any node must find under the same name


class Worker:
    """Runs in a process of its own; what its function caches stays for the next item."""

    def __init__(self, function: Callable[[Any], Any]) -> None:
        self._function = function

    def work(self, item: Any) -> Any:
        """The result of one item."""
        return self._function(item)


class Crew:
    """As many workers as fit into the cluster, each with one item at a time.

    So no more results than workers are ever in flight, and when a worker dies it is known at which item.
    """

    def __init__(self, ray: Any, share: Share) -> None:
        self._ray, self._share = ray, share

    def map(
        self, function: Callable[[Item], Result], items: Sequence[Item], *, max_deaths: int = MAX_DEATHS
    ) -> Iterator[tuple[int, Result]]:
        """Results as they end; an item whose worker died is tried again by a new one, so many times.

        Raises `ItemError` from the first item that fails, `PoolError` when no node has room for a worker.
        """
        shared, deaths, waiting = self._ray.put(function), Counter[int](), deque(range(len(items)))
        workers = [self._hire(shared) for _ in range(min(self._room(), len(items)))]
        idle, at_work = list(workers), dict[Any, tuple[Any, int]]()
        try:
            while waiting or at_work:
                while idle and waiting:
                    worker, position = idle.pop(), waiting.popleft()
                    at_work[worker.work.remote(items[position])] = worker, position
                (done,), _ = self._ray.wait(list(at_work), num_returns=1)
                worker, position = at_work.pop(done)
                try:
                    result = self._ray.get(done)
                except self._ray.exceptions.RayActorError as error:
                    deaths[position] += 1
                    if error.actor_init_failed or deaths[position] > max_deaths:  # what can't begin won't another time
                        raise item_error(items[position], error) from error
                    waiting.appendleft(position)
                    workers.remove(worker)
                    # a node may have gone with it; the others do its work then
                    if len(workers) < (self._room() if not workers else self._places()):
                        workers.append(self._hire(shared))
                        idle.append(workers[-1])
                except self._ray.exceptions.RayError as error:
                    raise item_error(items[position], getattr(error, "cause", None) or error) from error
                else:
                    idle.append(worker)
                    yield position, result
        finally:
            for worker in workers:
                self._ray.kill(worker)

    def _hire(self, shared: Any) -> Any:
        options = {"num_cpus": self._share.num_cpus, "num_gpus": self._share.num_gpus, "max_restarts": 0}
        return self._ray.remote(**options)(Worker).remote(shared)

    def _places(self) -> int:
        nodes = [node["Resources"] for node in self._ray.nodes() if node["Alive"]]
        return sum(workers_on(resources, self._share) for resources in nodes)

    def _room(self) -> int:
        """Places, at least one."""
        if places := self._places():
            return places
        wanted = f"{self._share.num_cpus:g} CPUs and {self._share.num_gpus:g} GPUs"
        found = [{name: node["Resources"].get(name, 0) for name in ("CPU", "GPU")} for node in self._ray.nodes()]
        raise PoolError(f"no node has room for a worker of {wanted}; found {found}; lower num_cpus, num_gpus in params")


def workers_on(resources: Mapping[str, float], share: Share) -> int:
    """How many workers fit on a node of such resources."""
    fits = [
        int(resources.get(name, 0.0) / wanted + 1e-6)  # ray counts in ten-thousandths
        for name, wanted in (("CPU", share.num_cpus), ("GPU", share.num_gpus))
        if wanted > 0
    ]
    return min(fits, default=0)
