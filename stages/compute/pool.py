"""The only door to ray: a bounded map of a function over items, on this machine or on the cluster of RAY_ADDRESS."""

import importlib
import os
import secrets
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol, TypeVar

from stages.compute import keeper
from stages.compute.crew import Crew, Share
from stages.compute.errors import MAX_DEATHS, ItemError, PoolError, item_error
from stages.compute.preflight import PROJECT, check_address, check_nodes
from stages.compute.resources import num_workers

__all__ = ["ItemError", "Maker", "Pool", "PoolError", "make_all", "open_pool"]

Item = TypeVar("Item")
Result = TypeVar("Result")
Taken_contra = TypeVar("Taken_contra", contravariant=True)
Given_co = TypeVar("Given_co", covariant=True)

_START_TRIES = 3  # on a loaded machine ray's own start limits of 15 to 30 s fail now and then
_OBJECT_STORE_BYTES = 256 * 1024**2  # results are small: media go through files


class Pool(Protocol):
    """Runs a pure, idempotent, picklable function on many items; each result comes with its item's position."""

    def map(
        self, function: Callable[[Item], Result], items: Sequence[Item], *, max_deaths: int = MAX_DEATHS
    ) -> Iterator[tuple[int, Result]]:
        """Pairs of (position in `items`, result), in any order; an item may cost so many workers and is tried again."""
        ...


class Maker(Protocol[Taken_contra, Given_co]):
    """Makes a result of an item, or finds the one that was made before."""

    def __call__(self, item: Taken_contra, /) -> Given_co:
        """The result, made where it is missing; pure, idempotent, picklable."""
        ...

    def find(self, item: Taken_contra, /) -> Given_co | None:
        """The result if it is there: a look of less than a millisecond."""
        ...


def make_all(
    maker: Maker[Item, Result],
    items: Sequence[Item],
    done: Callable[[int], None],
    *,
    max_deaths: int | None = None,
    share: Share | None = None,
) -> list[Result]:
    """Results in the order of the items; workers are started only for what is not found.

    Args:
        maker: Finds or makes one result.
        items: What to make.
        done: Told the position of each item once its result is there, in any order.
        max_deaths: How many workers an item may cost and is tried again. Given, it never costs this process.
        share: Of a node, for each worker; given, workers live from item to item, so that what the maker caches stays.
    """
    results: dict[int, Result] = {}
    for position, item in enumerate(items):
        if (found := maker.find(item)) is not None:
            results[position] = found
            done(position)
    missing = [position for position in range(len(items)) if position not in results]
    if missing:
        wanted = [items[position] for position in missing]
        with open_pool(len(missing), dangerous=max_deaths is not None, share=share) as pool:
            for place, made in pool.map(maker, wanted, max_deaths=max_deaths or MAX_DEATHS):
                results[missing[place]] = made
                done(missing[place])
    return [results[position] for position in range(len(items))]


class SerialPool:
    """The same map in this process."""

    def map(
        self,
        function: Callable[[Item], Result],
        items: Sequence[Item],
        *,
        max_deaths: int = MAX_DEATHS,  # noqa: ARG002 - there is no worker to lose
    ) -> Iterator[tuple[int, Result]]:
        """Results in the order of the items; `ItemError` from the first that fails."""
        for position, item in enumerate(items):
            try:
                result = function(item)
            except Exception as error:
                raise item_error(item, error) from error
            yield position, result


class RayPool:
    """Ray tasks, at most two a worker in flight so that results never pile up in the object store."""

    def __init__(self, ray: Any, workers: int) -> None:
        self._ray, self._in_flight = ray, 2 * workers

    def map(
        self, function: Callable[[Item], Result], items: Sequence[Item], *, max_deaths: int = MAX_DEATHS
    ) -> Iterator[tuple[int, Result]]:
        """Results as they end; a task is tried again when its worker dies, so many times, never on an exception.

        Raises `ItemError` from the first item that fails; the others in flight are then dropped.
        """
        remote = self._ray.remote(num_cpus=1, max_retries=max_deaths)(_call)
        shared = self._ray.put(function)
        queue = iter(enumerate(items))
        pending: dict[Any, int] = {}
        while True:
            while len(pending) < self._in_flight and (entry := next(queue, None)) is not None:
                pending[remote.remote(shared, entry[1])] = entry[0]
            if not pending:
                return
            done, _ = self._ray.wait(list(pending), num_returns=1)
            position = pending.pop(done[0])
            yield position, self._result(done[0], items[position])

    def _result(self, reference: Any, item: object) -> Any:
        try:
            return self._ray.get(reference)
        except self._ray.exceptions.RayError as error:
            raise item_error(item, getattr(error, "cause", None) or error) from error


def _call(function: Callable[[Item], Result], item: Item) -> Result:
    return function(item)


@contextmanager
def open_pool(num_items: int, *, dangerous: bool = False, share: Share | None = None) -> Iterator[Pool]:
    """Start ray once, use it, shut it down; a single item, which it could not speed up, is done in this process.

    Not so a `dangerous` one, which may kill its worker. With a `share`, workers live from item to item.

    PIXELS_SERIAL=1 runs everything in this process, for debugging.
    """
    if os.environ.get("PIXELS_SERIAL") or (num_items < 2 and not dangerous):
        yield SerialPool()
        return
    with open_ray(share.folders if share else ()) as ray:
        yield Crew(ray, share) if share else RayPool(ray, int(ray.cluster_resources().get("CPU", 1)))


@contextmanager
def open_ray(folders: Sequence[Path]) -> Iterator[Any]:
    """Start ray, or join the cluster of RAY_ADDRESS once its nodes are found fit and see the folders; shut it down."""
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")  # ray's new default, and silence about it
    ray: Any = importlib.import_module("ray")  # seconds, so only when a pool opens
    with _place() as where:
        _start(ray, where)
        try:
            if os.environ.get("RAY_ADDRESS"):
                check_nodes(ray, folders)
            yield ray
        finally:
            ray.shutdown()


def _start(ray: Any, where: dict[str, Any]) -> None:
    for attempt in range(_START_TRIES):
        try:
            with _importable():
                ray.init(log_to_driver=True, logging_level="ERROR", **where)
            return
        except (RuntimeError, ConnectionError, TimeoutError, OSError) as error:
            ray.shutdown()
            if attempt + 1 == _START_TRIES:
                raise PoolError(f"ray did not start in {_START_TRIES} tries: {error}{_advice()}") from error
            time.sleep(2.0**attempt)


def _advice() -> str:
    if not (address := os.environ.get("RAY_ADDRESS")):
        return ""
    return (
        f"; RAY_ADDRESS is {address}: is it up, does it run the same Python and ray, and if it wants a token, are "
        "RAY_AUTH_MODE=token and its RAY_AUTH_TOKEN or RAY_AUTH_TOKEN_PATH set here?"
    )


@contextmanager
def _importable() -> Iterator[None]:
    """Let workers, which inherit the environment of the moment ray starts, import this package from any folder."""
    before = os.environ.get("PYTHONPATH")
    os.environ["PYTHONPATH"] = str(PROJECT) if not before else f"{PROJECT}{os.pathsep}{before}"
    try:
        yield
    finally:
        if before is None:
            del os.environ["PYTHONPATH"]
        else:
            os.environ["PYTHONPATH"] = before


@contextmanager
def _place() -> Iterator[dict[str, Any]]:
    """A ray of our own on this machine, never one that happens to run here, unless RAY_ADDRESS names one.

    Its folder is short-lived and short (names of sockets below it may have 107 bytes); keeper.py ends whoever uses it
    after this process.
    """
    if address := os.environ.get("RAY_ADDRESS"):
        check_address(address)
        # its nodes run already, in an environment of their own
        yield {"runtime_env": {"env_vars": {"PYTHONPATH": str(PROJECT)}}}
        return
    folder = f"/tmp/pixels-ray-{secrets.token_hex(6)}"  # made by ray: nothing is left when we are killed before
    with _kept(folder):
        yield {
            "address": "local",
            "num_cpus": num_workers(),
            "include_dashboard": False,
            "object_store_memory": _OBJECT_STORE_BYTES,
            "_temp_dir": folder,
        }


@contextmanager
def _kept(folder: str) -> Iterator[None]:
    """A keeper for ray's folder, in a session of its own so that it outlives a signal to our group."""
    command = [sys.executable, "-I", keeper.__file__, folder, str(os.getpid())]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, start_new_session=True)
    try:
        yield
    finally:
        process.communicate()
