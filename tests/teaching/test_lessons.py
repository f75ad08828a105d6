"""Lessons: they teach, and a run that is stopped or killed goes on as if it had not been."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from stages.motion.pwcnet import PRESETS
from stages.shards.files import read_json
from stages.teaching.checkpoint import Progress, found, resume
from stages.teaching.lessons import CURVES, Lessons, Limits
from stages.teaching.pupil import Pupil
from stages.teaching.recipe import RECIPES, Recipe
from stages.training.interrupt import Stop

CPU = torch.device("cpu")
LITE = PRESETS["lite"]
TINY = replace(
    RECIPES["lite"],
    scenes=1,
    side_px=64,
    textures=10,
    textures_steps=4,
    ramp_steps=4,
    validation_scenes=2,
    validate_steps=3,
)
FOREVER_S = 1e9


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    """Sums are split between threads: the killed process has one, so must those have that it is held against."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


class Silent:
    """A tracker that keeps what it is told."""

    def __init__(self) -> None:
        self.rows: list[tuple[int, dict[str, float]]] = []

    def log(self, metrics: dict[str, float], step: int) -> None:
        self.rows.append((step, metrics))

    def close(self, status: str) -> None:
        pass


def teach(folder: Path, steps: int, recipe: Recipe = TINY) -> tuple[Pupil, Progress]:
    folder.mkdir(exist_ok=True)
    pupil = Pupil(LITE, recipe, CPU)
    return pupil, Lessons(pupil, folder, Silent()).complete(Limits(FOREVER_S, steps), Stop())


def same(one: Pupil, two: Pupil) -> bool:
    pairs = [(one.net, two.net), (one.average, two.average)]
    return all(
        torch.equal(a, b) for nets in pairs for a, b in zip(*(net.state_dict().values() for net in nets), strict=True)
    )


def test_a_resumed_run_gives_the_same_bits(tmp_path: Path) -> None:
    whole, _ = teach(tmp_path / "whole", 7)
    teach(tmp_path / "parts", 2)
    teach(tmp_path / "parts", 5)
    parts, progress = teach(tmp_path / "parts", 7)
    assert same(whole, parts)
    assert progress.step == 7 and progress.cpu_s > 0
    rows = [read_json(tmp_path / name / CURVES) for name in ("whole", "parts")]
    clocks = ("cpu_s", "wall_s")
    bare = [[{name: value for name, value in row.items() if name not in clocks} for row in table] for table in rows]
    assert bare[0] == bare[1] and [row["step"] for row in bare[0]] == [3, 6]


def test_half_of_what_is_made_up_is_larger_once_scenes_are_hard(tmp_path: Path) -> None:
    easy, hard = replace(TINY, ramp_steps=40), TINY
    found = [teach(tmp_path / str(number), 8, recipe)[1].larger_batches for number, recipe in enumerate((easy, hard))]
    assert found == [0, 4]


def test_the_seed_decides_the_weights(tmp_path: Path) -> None:
    one, _ = teach(tmp_path / "one", 2)
    other, _ = teach(tmp_path / "other", 2, replace(TINY, seed=2))
    assert not same(one, other)


def test_a_stop_is_heard_and_leaves_a_checkpoint(tmp_path: Path) -> None:
    stop = Stop()
    stop.request(signal.SIGTERM, None)
    Lessons(Pupil(LITE, TINY, CPU), tmp_path, Silent()).complete(Limits(FOREVER_S, 100), stop)
    assert len(found(tmp_path)) == 1


def test_damaged_checkpoints_give_way_to_the_one_before(tmp_path: Path) -> None:
    teach(tmp_path, 4, replace(TINY, checkpoint_steps=2))
    older, newer = found(tmp_path)
    content = bytearray(newer.read_bytes())
    content[len(content) // 2] ^= 1
    newer.write_bytes(content)
    assert resume(tmp_path, Pupil(LITE, TINY, CPU)).step == 2
    older.write_bytes(b"")
    assert resume(tmp_path, Pupil(LITE, TINY, CPU)) == Progress()


def test_lost_numbers_change_nothing() -> None:
    pupil, before = Pupil(LITE, TINY, CPU), Pupil(LITE, TINY, CPU)
    frames = torch.rand(1, 3, 64, 64)
    loss = pupil.flows(frames, frames)[0].mean() * float("nan")
    assert pupil.learn(loss, 0) != pupil.learn(loss.detach().requires_grad_(), 0)
    assert same(pupil, before)


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_a_killed_command_goes_on_bit_by_bit(tmp_path: Path, number: signal.Signals) -> None:
    program = (
        "import torch, sys; from pathlib import Path; from tests.teaching.test_lessons import teach_until_stopped; "
        "torch.set_num_threads(1); teach_until_stopped(Path(sys.argv[1]))"
    )
    folder = tmp_path / "killed"
    folder.mkdir()
    environment = {**os.environ, "PYTHONPATH": str(Path.cwd())}
    child = subprocess.Popen([sys.executable, "-c", program, str(folder)], env=environment)
    while not found(folder) and child.poll() is None:
        time.sleep(0.02)
    child.send_signal(number)
    assert child.wait() == (-number if number == signal.SIGKILL else 0)
    reached = resume(folder, Pupil(LITE, TINY, CPU)).step
    assert reached > 0
    killed, _ = teach(folder, reached + 2)
    whole, _ = teach(tmp_path / "whole", reached + 2)
    assert same(killed, whole)


def teach_until_stopped(folder: Path) -> None:
    """What the killed process runs: a checkpoint after every step."""
    from stages.training.interrupt import stop_on_sigterm

    pupil = Pupil(LITE, replace(TINY, checkpoint_steps=1), CPU)
    with stop_on_sigterm() as stop:
        Lessons(pupil, folder, Silent()).complete(Limits(FOREVER_S, 1000), stop)


def test_a_set_end_takes_the_rate_to_nothing() -> None:
    limits = Limits(FOREVER_S, None, until=10)
    assert [limits.share(step, 0.4) for step in (0, 6, 7, 9, 10)] == [1, 1, 0.75, 0.25, 0]
    assert limits.reached(10, 0.0) and not limits.reached(9, 0.0)
    assert Limits(FOREVER_S, None).share(10**9, 0.4) == 1


def test_weights_come_to_rest_before_the_end_that_was_set(tmp_path: Path) -> None:
    tmp_path.joinpath("settled").mkdir()
    settling, steady = Pupil(LITE, replace(TINY, settling_share=100.0), CPU), Pupil(LITE, TINY, CPU)
    Lessons(settling, tmp_path / "settled", Silent()).complete(Limits(FOREVER_S, None, until=3), Stop())
    tmp_path.joinpath("steady").mkdir()
    Lessons(steady, tmp_path / "steady", Silent()).complete(Limits(FOREVER_S, 3), Stop())
    start = Pupil(LITE, TINY, CPU)
    way = [distance(pupil, start) for pupil in (settling, steady)]
    assert 0 < way[0] < 0.1 * way[1]


def distance(one: Pupil, two: Pupil) -> float:
    return sum(float((a - b).abs().sum()) for a, b in zip(one.net.parameters(), two.net.parameters(), strict=True))
