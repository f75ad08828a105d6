import itertools
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import pytest
from ray.exceptions import RayActorError
from ray.train import WorkerGroupError

from stages.compute import pool as pool_module
from stages.compute.crew import Share
from stages.compute.errors import MAX_DEATHS, PoolError
from stages.compute.preflight import PROJECT
from stages.compute.team import Run, Team, open_team
from tests.synth.cluster import cluster

pytestmark = pytest.mark.timeout(1800)  # starts of Ray Train on a busy machine


def met(number: int) -> tuple[int, int, float, str]:
    """Rank, how many there are, the sum of number * (rank + 1) over them, and the folder."""
    import torch
    import torch.distributed as dist

    summed = torch.tensor(float(number * (dist.get_rank() + 1)))
    dist.all_reduce(summed)
    return dist.get_rank(), dist.get_world_size(), summed.item(), str(Path.cwd())


def raise_on_the_second(folder: Path) -> None:
    """The other rank waits for it meanwhile."""
    import torch.distributed as dist

    (folder / f"called.{os.getpid()}").touch()
    if dist.get_rank() == 1:
        raise ValueError("the second rank has something to say")
    dist.barrier()


def die_once(folder: Path, number: int) -> tuple[int, int, float, str]:
    """As `met`, but the second rank is killed on the first try, while the other waits for it."""
    import torch.distributed as dist

    mark = folder / "death"
    first_time = not mark.exists()
    dist.barrier()
    if dist.get_rank() == 1 and first_time:
        mark.touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return met(number)


@pytest.fixture(scope="module")
def team() -> Iterator[Team]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PIXELS_WORKERS", "2")
        patch.delenv("RAY_ADDRESS", raising=False)
        with open_team(2, Share(1.0, 0.0, ())) as opened:
            yield opened


def run(folder: Path, reached: Callable[[], int] = lambda: 0) -> Run:
    return Run("named", folder, reached)


def test_workers_meet_in_this_folder_and_start_anew_when_one_is_killed(
    team: Team, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert team.work(partial(die_once, tmp_path, 10), run(tmp_path)) == (0, 2, 30.0, str(tmp_path))
    assert capsys.readouterr().err.count("a worker died; all 2 go on") == 1


def test_what_a_rank_raises_comes_as_it_is_and_is_not_tried_again(team: Team, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="the second rank has something to say"):
        team.work(partial(raise_on_the_second, tmp_path), run(tmp_path))
    assert len(list(tmp_path.glob("called.*"))) == 2


class Mortal(Team):
    """Dies on each call until the list is empty."""

    def __init__(self, deaths: list[dict[int, Exception]]) -> None:
        super().__init__(2, Share(1.0, 0.0, ()))
        self.deaths = deaths

    def _fit(self, function: Callable[[], int], run: Run) -> int:
        del run
        if self.deaths:
            raise WorkerGroupError("somebody died", self.deaths.pop())
        return function()


LOST: dict[int, Exception] = {0: RuntimeError("Connection closed by peer"), 1: RayActorError()}


def test_deaths_without_progress_come_to_an_end() -> None:
    team = Mortal([LOST] * 9)
    with pytest.raises(PoolError, match=rf"died {MAX_DEATHS + 1} times in a row without progress.*:\nsomebody died$"):
        team.work(lambda: 5, run(Path()))
    assert len(team.deaths) == 9 - MAX_DEATHS - 1


def test_deaths_after_progress_are_none_too_many() -> None:
    steps = itertools.count()
    assert Mortal([LOST] * 9).work(lambda: 5, run(Path(), lambda: next(steps))) == 5


def test_more_workers_than_there_is_room_for_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    class Nodes:
        def nodes(self) -> list[dict[str, object]]:
            return [{"Alive": True, "Resources": {"CPU": 3.0}}, {"Alive": False, "Resources": {"CPU": 64.0}}]

        def shutdown(self) -> None:
            pass

    monkeypatch.setattr(pool_module, "_start", lambda *_: None)
    monkeypatch.setattr(pool_module.importlib, "import_module", lambda _: Nodes())
    said = r"2 workers of 2 CPUs and 0 GPUs are wanted.* room for 1; found .*train.workers"
    with pytest.raises(PoolError, match=said), open_team(2, Share(2.0, 0.0, ())):
        pass


def test_workers_of_two_nodes_of_a_cluster_meet(tmp_path: Path) -> None:
    """In a process of its own: ray reads the token once."""
    code = (
        "from functools import partial\nfrom pathlib import Path\nfrom tests.compute.test_team import *\n"
        "with open_team(2, Share(1.0, 0.0, (Path.cwd(),))) as team:\n"  # nodes have one CPU each
        "    print('met', *team.work(partial(met, 10), run(Path.cwd())))\n"
    )
    with cluster() as started:
        started.join()
        surroundings = {**os.environ, **started.token, "RAY_ADDRESS": started.address, "PYTHONPATH": str(PROJECT)}
        done = subprocess.run(
            [sys.executable, "-c", code], cwd=tmp_path, env=surroundings, capture_output=True, text=True, check=False
        )
    assert done.returncode == 0, done.stderr[-3000:]
    assert f"met 0 2 30.0 {tmp_path}" in done.stdout.splitlines()
