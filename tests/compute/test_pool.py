import os
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import pytest

from stages.compute import pool as pool_module
from stages.compute.pool import ItemError, Pool, PoolError, make_all, open_pool
from stages.shards.files import replacing


def scaled(factor: int, item: int) -> tuple[int, str]:
    if item < 0:
        raise KeyError(f"{item} is negative")
    return factor * item, os.getcwd()  # noqa: PTH109


def die_once(folder: Path, item: int) -> int:
    """Kill this process on the first try of an item."""
    mark = folder / f"{item}.tried"
    if not mark.exists():
        with replacing(mark):
            pass
        os._exit(1)
    return item


@pytest.fixture(scope="module", params=["serial", "ray"])
def pool(request: pytest.FixtureRequest) -> Iterator[Pool]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PIXELS_SERIAL", "1" if request.param == "serial" else "")
        patch.setenv("PIXELS_WORKERS", "2")
        with open_pool(2) as opened:
            yield opened


def test_each_result_comes_with_its_position_and_workers_stand_in_this_folder(pool: Pool) -> None:
    items = list(range(7, 0, -1))
    results = dict(pool.map(partial(scaled, 3), items))
    assert results == {position: (3 * item, os.getcwd()) for position, item in enumerate(items)}  # noqa: PTH109


def test_no_items_no_results(pool: Pool) -> None:
    function: Callable[[int], tuple[int, str]] = partial(scaled, 1)
    assert list(pool.map(function, [])) == []


def test_an_error_names_the_item_and_the_fault(pool: Pool) -> None:
    with pytest.raises(ItemError, match=r"^-5: KeyError: '-5 is negative'"):
        list(pool.map(partial(scaled, 1), [1, -5]))
    with pytest.raises(ItemError) as caught:
        list(pool.map(partial(scaled, 1), [-(10**500)]))
    assert len(str(caught.value)) < 10_000


def test_a_worker_that_dies_is_replaced_and_its_item_tried_again(pool: Pool, tmp_path: Path) -> None:
    if type(pool).__name__ == "SerialPool":
        pytest.skip("in this process there is no worker to lose")
    assert sorted(pool.map(partial(die_once, tmp_path), [4, 5])) == [(0, 4), (1, 5)]


class Halver:
    """Has the halves of some numbers, and makes that of any; a maker needs no pool to be found."""

    def __init__(self, known: set[int]) -> None:
        self._known = known

    def __call__(self, item: int) -> float:
        return item / 2

    def find(self, item: int) -> float | None:
        return item / 2 if item in self._known else None


@pytest.mark.parametrize("known", [{1, 2, 3}, {1, 3}])
def test_no_workers_start_for_nothing_or_one(known: set[int], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PIXELS_SERIAL", raising=False)
    monkeypatch.setattr(pool_module, "_start", lambda *_: pytest.fail("ray was started"))
    done: list[int] = []
    assert make_all(Halver(known), [1, 2, 3], done.append) == [0.5, 1.0, 1.5]
    assert sorted(done) == [0, 1, 2]


def test_what_may_kill_is_never_done_in_this_process(monkeypatch: pytest.MonkeyPatch) -> None:
    def started(*_: object) -> None:
        raise PoolError("started")

    monkeypatch.delenv("PIXELS_SERIAL", raising=False)
    monkeypatch.setattr(pool_module, "_start", started)
    with pytest.raises(PoolError, match="started"):
        make_all(Halver({1, 3}), [1, 2, 3], lambda _: None, max_deaths=2)


def test_what_is_found_and_what_is_made_come_in_the_order_of_the_items(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PIXELS_SERIAL", "1")
    done: list[int] = []
    assert make_all(Halver({2}), [1, 2, 3], done.append) == [0.5, 1.0, 1.5]
    assert done == [1, 0, 2]
