"""Processes are told from later ones that got their id, and from those of other machines."""

import os
import subprocess
import sys

from stages.tracking.living import is_gone, signature


def test_a_process_is_there_until_it_ended() -> None:
    process = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    name = signature(process.pid)
    both = signature(process.pid, os.getpid())
    assert not is_gone(name)
    process.communicate(b"\n")
    assert is_gone(name)
    assert not is_gone(both)  # one of them is there
    assert signature(process.pid) == ""


def test_another_process_of_the_same_id_is_another() -> None:
    own = signature(os.getpid())
    rest, _, started = own.rpartition("/")
    assert not is_gone(own)
    assert is_gone(f"{rest}/{int(started) - 1}")


def test_nobody_can_tell_of_other_machines_and_earlier_boots() -> None:
    _, namespace, pid, started = signature(os.getpid()).split("/")
    assert not is_gone(f"00000000-0000-0000-0000-000000000000/{namespace}/{pid}/{started}")
    assert not is_gone("")
