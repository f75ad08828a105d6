"""The keeper ends who uses ray's folder after its driver, and nobody else."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from stages.compute import keeper

HOLDS = "import sys, time; opened = open(sys.argv[1], 'w'); print('open', flush=True); time.sleep(60)"


@pytest.fixture
def holders(tmp_path: Path) -> Iterator[dict[str, subprocess.Popen[str]]]:
    """Processes with a file open: the driver and a stray in the folder, and somebody beside it."""
    (tmp_path / "ray").mkdir()
    places = {"driver": "ray/driver.log", "stray": "ray/agent.log", "other": "ray-of-another.log"}
    started = {name: _hold(tmp_path, place) for name, place in places.items()}
    yield started
    for process in started.values():
        process.kill()
        process.communicate()


def _hold(folder: Path, place: str) -> subprocess.Popen[str]:
    process = subprocess.Popen([sys.executable, "-c", HOLDS, place], cwd=folder, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline() == "open\n"
    return process


def test_only_strays_of_the_folder_end_when_the_pipe_closes(
    tmp_path: Path, holders: dict[str, subprocess.Popen[str]]
) -> None:
    folder, driver = tmp_path / "ray", holders["driver"].pid
    assert keeper.holders(folder, but={os.getpid(), driver}) == [holders["stray"].pid]
    command = [sys.executable, "-I", keeper.__file__, str(folder), str(driver)]
    process = subprocess.Popen(command, stdin=subprocess.PIPE)
    time.sleep(0.3)
    assert holders["stray"].poll() is None
    process.communicate(timeout=20)
    assert holders["stray"].wait(timeout=5) != 0
    assert holders["driver"].poll() is None and holders["other"].poll() is None
    assert not folder.exists()
