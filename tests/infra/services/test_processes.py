"""infra/services/processes.py: all that a service started is found and ended, whatever became of its parents."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from infra.services.processes import Process, end, marked, start
from tests.faults.harness import adopting

# A parent, which makes a child in a session of its own and then does as it is told.
PARENT = """
import signal, subprocess, sys, time
child = "import signal, time; print('child', flush=True); {stubborn}time.sleep(600)"
subprocess.Popen([sys.executable, "-c", child], start_new_session=True)
{then}
"""
STUBBORN = "signal.signal(signal.SIGTERM, signal.SIG_IGN); "


@pytest.fixture
def mark(tmp_path: Path) -> Iterator[str]:
    name = f"test of {tmp_path}: "
    with adopting():
        yield name
        end(name, [], patience_s=0)


def begin(mark: str, folder: Path, then: str, stubborn: str = "") -> Process:
    """Start the parent and wait until its child has spoken."""
    log = folder / "log"
    code = PARENT.format(then=then, stubborn=stubborn)
    process = start([sys.executable, "-c", code], os.environ, mark=f"{mark}part;", folder=folder, log=log)
    until_s = time.monotonic() + 60
    while "child" not in log.read_text():
        assert time.monotonic() < until_s
        time.sleep(0.02)
    return process


def test_a_child_that_left_the_group_is_ended_with_its_parent(mark: str, tmp_path: Path) -> None:
    parent = begin(mark, tmp_path, "time.sleep(600)")
    assert len(marked(mark)) == 2
    assert os.getsid(parent.pid) == parent.pid != os.getsid(0)
    assert end(mark, [], patience_s=10) == []
    assert not parent.is_alive
    assert marked(mark) == set()


def test_an_orphan_is_found_by_its_mark(mark: str, tmp_path: Path) -> None:
    parent = begin(mark, tmp_path, "sys.exit(0)")
    until_s = time.monotonic() + 30
    while parent.is_alive:
        assert time.monotonic() < until_s
    assert len(marked(mark)) == 1
    assert end(mark, [parent], patience_s=10) == []
    assert marked(mark) == set()


def test_who_does_not_hear_sigterm_is_killed(mark: str, tmp_path: Path) -> None:
    begin(mark, tmp_path, "time.sleep(600)", STUBBORN)
    assert end(mark, [], patience_s=0.3) == []
    assert marked(mark) == set()


def test_another_part_or_service_is_left_alone(mark: str, tmp_path: Path) -> None:
    parent = begin(mark, tmp_path, "time.sleep(600)")
    assert end(f"{mark}part-two;", [], patience_s=0) == []
    assert end(f"{mark}pa;", [], patience_s=0) == []
    assert parent.is_alive


def test_an_id_that_was_given_anew_is_another_process() -> None:
    with subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"]) as other:
        former = Process(other.pid, began_ticks=1)
        assert not former.is_alive
        assert end("no such mark", [former], patience_s=0) == []
        assert other.poll() is None
        other.kill()


def test_what_it_says_is_for_its_owner_alone(mark: str, tmp_path: Path) -> None:
    begin(mark, tmp_path, "time.sleep(600)")
    assert (tmp_path / "log").stat().st_mode & 0o777 == 0o600
