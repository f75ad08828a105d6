"""A finished small world, which each test copies before it breaks something."""

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.faults.harness import GONE_S, adopting, descendants, finish, wait_for_no_survivor
from tests.synth.world import commands, make_workspace


@pytest.fixture(scope="session")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A world after every command of dvc.yaml; not to be changed."""
    workspace = make_workspace(tmp_path_factory.mktemp("finished"))
    for command in commands(workspace).values():
        finish(command, workspace, PIXELS_SERIAL="1")
    return workspace


@pytest.fixture
def copied(finished: Path, tmp_path: Path) -> Callable[[str], Path]:
    """Makes copies of the finished world, with a store and a registry of their own."""

    def copy(name: str) -> Path:
        return shutil.copytree(finished, tmp_path / name, symlinks=True)

    return copy


@pytest.fixture
def world(copied: Callable[[str], Path]) -> Path:
    """A copy of the finished world."""
    return copied("world")


@pytest.fixture(autouse=True)
def nobody_survives() -> Iterator[None]:
    """At the end of each test no process that it started is alive."""
    known = set(descendants())
    with adopting():
        yield
        wait_for_no_survivor(known, GONE_S)
