import os
import signal
import time
from collections.abc import Callable, Iterator
from functools import cached_property, partial
from pathlib import Path
from types import SimpleNamespace

import pytest

from stages.compute.crew import Crew, Share, workers_on
from stages.compute.errors import ItemError, PoolError
from stages.compute.pool import Pool, make_all, open_pool

NOWHERE: tuple[Path, ...] = ()


class Slow:
    """Builds something once a process, notes where, and does what it is told with it."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    @cached_property
    def built(self) -> int:
        """This process; a file of its name says how often it was built there."""
        with (self._folder / f"built.{os.getpid()}").open("a", encoding="utf-8") as file:
            file.write("once ")
        return os.getpid()

    def __call__(self, item: int) -> tuple[int, int]:
        if item < 0:
            raise KeyError(f"{item} is negative")
        return 3 * item, self.built

    def find(self, item: int) -> tuple[int, int] | None:
        return (0, 0) if item == 0 else None


def die(folder: Path, most: int, item: int) -> int:
    """Kill this process on the first tries of item 5."""
    tries = len(list(folder.glob(f"{item}.*")))
    if item == 5 and tries < most:
        (folder / f"{item}.{tries}").touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return item


def nap(folder: Path, item: int) -> int:
    """Say when an item began and ended; the first two wait for each other, since a worker may take long to start."""
    began_s = time.monotonic()
    (folder / f"{item}.begun").touch()
    while item < 2 and len(list(folder.glob("[01].begun"))) < 2 and time.monotonic() < began_s + 60:
        time.sleep(0.01)
    time.sleep(0.2)
    (folder / f"{item}.slept").write_text(f"{began_s} {time.monotonic()}", encoding="utf-8")
    return item


@pytest.fixture(scope="module")
def crew() -> Iterator[Pool]:
    """Two workers on one core."""
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("PIXELS_SERIAL", raising=False)
        patch.setenv("PIXELS_WORKERS", "1")
        with open_pool(2, share=Share(0.5, 0.0, NOWHERE)) as opened:
            yield opened


def test_a_worker_builds_once_and_results_come_with_their_positions(crew: Pool, tmp_path: Path) -> None:
    found = dict(crew.map(Slow(tmp_path), range(20, 0, -1)))
    assert {position: value for position, (value, _) in found.items()} == {k: 3 * (20 - k) for k in range(20)}
    processes = {process for _, process in found.values()}
    assert len(processes) <= 2 and os.getpid() not in processes
    assert {path.read_text() for path in tmp_path.iterdir()} == {"once "}


def test_no_items_no_workers(crew: Pool) -> None:
    assert list(crew.map(Slow(Path()), [])) == []


def test_an_error_names_the_item_and_the_fault(crew: Pool, tmp_path: Path) -> None:
    with pytest.raises(ItemError, match=r"^-5: KeyError: '-5 is negative'"):
        list(crew.map(Slow(tmp_path), [1, -5]))


class Unfit(Slow):
    """Cannot be set up in another process; a file for each time that it was tried."""

    def __setstate__(self, state: dict[str, Path]) -> None:
        (state["_folder"] / f"{os.getpid()}").touch()
        raise ImportError("no module named so")


def test_a_worker_that_cannot_begin_is_not_hired_again_and_again(crew: Pool, tmp_path: Path) -> None:
    with pytest.raises(ItemError, match="no module named so"):
        list(crew.map(Unfit(tmp_path), [1, 2], max_deaths=50))
    assert 1 <= len(list(tmp_path.iterdir())) <= 2  # one for each worker


def test_a_worker_that_dies_is_replaced_and_only_its_item_tried_again(crew: Pool, tmp_path: Path) -> None:
    function: Callable[[int], int] = partial(die, tmp_path, 2)
    assert sorted(crew.map(function, list(range(9)), max_deaths=2)) == [(k, k) for k in range(9)]
    assert len(list(tmp_path.iterdir())) == 2


def test_an_item_that_kills_more_than_it_may_fails_and_is_named(crew: Pool, tmp_path: Path) -> None:
    function: Callable[[int], int] = partial(die, tmp_path, 99)
    with pytest.raises(ItemError, match=r"^5: "):
        list(crew.map(function, list(range(9)), max_deaths=1))
    assert len(list(tmp_path.iterdir())) == 2


def test_fractions_share_a_core_and_no_more_is_in_flight_than_there_are_workers(crew: Pool, tmp_path: Path) -> None:
    for done, _ in enumerate(crew.map(partial(nap, tmp_path), list(range(6))), start=1):
        time.sleep(0.1)  # whoever takes the results is slow
        assert len(list(tmp_path.glob("*.slept"))) <= done + 2
    times = [tuple(map(float, path.read_text().split())) for path in tmp_path.glob("*.slept")]
    overlap = [sum(one < end <= other for one, other in times) for _, end in times]
    assert max(overlap) == 2


def test_what_no_node_has_is_said_before_anything_waits_for_it() -> None:
    nodes = [{"Alive": True, "Resources": {"CPU": 4.0}}, {"Alive": False, "Resources": {"CPU": 4.0, "GPU": 8.0}}]
    absent = SimpleNamespace(put=lambda value: value, nodes=lambda: nodes)
    with pytest.raises(PoolError, match=r"no node has room for a worker of 1 CPUs and 1 GPUs; found .*lower num_cpus"):
        list(Crew(absent, Share(1.0, 1.0, NOWHERE)).map(Slow(Path()), [1]))


@pytest.mark.parametrize(
    ("cpus", "gpus", "share", "expected"),
    [
        (4, 0, (1.0, 0.0), 4),
        (4, 0, (0.3, 0.0), 13),
        (16, 2, (1.0, 0.25), 8),
        (2, 2, (1.0, 0.25), 2),
        (4, 0, (1, 0.5), 0),
    ],
)
def test_how_many_fit_on_a_node(cpus: float, gpus: float, share: tuple[float, float], expected: int) -> None:
    assert workers_on({"CPU": cpus, "GPU": gpus}, Share(*share, NOWHERE)) == expected
    assert workers_on({"CPU": 0.6}, Share(0.2, 0.0, NOWHERE)) == 3  # though .6 / .2 < 3


def test_nothing_starts_for_what_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("stages.compute.pool._start", lambda *_: pytest.fail("ray was started"))
    share = Share(1.0, 0.0, NOWHERE)
    assert make_all(Slow(tmp_path), [0, 0], lambda _: None, max_deaths=3, share=share) == [(0, 0)] * 2
