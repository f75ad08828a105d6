"""Processes are told from later ones that got their id, and from those of other machines."""

import os
import subprocess
import sys

from stages.tracking.living import is_alive, signature


def test_a_process_is_there_until_it_ended() -> None:
    process = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    name = signature(process.pid)
    both = signature(process.pid, os.getpid())
    assert is_alive(name)
    process.communicate(b"\n")
    assert is_alive(name) is False
    assert is_alive(both)  # one of them is there
    assert signature(process.pid) == ""


def test_another_process_of_the_same_id_is_another() -> None:
    own = signature(os.getpid())
    rest, _, started = own.rpartition("/")
    assert is_alive(own)
    assert is_alive(f"{rest}/{int(started) - 1}") is False


def test_nobody_can_tell_of_other_machines_and_earlier_boots() -> None:
    own = signature(os.getpid())
    _, namespace, pid, started = own.split("/")
    other = f"00000000-0000-0000-0000-000000000000/{namespace}/{pid}/{started}"
    assert is_alive(other) is is_alive("") is None
    assert is_alive(f"{other} {own}")
    rest = own.rpartition("/")[0]
    assert is_alive(f"{other} {rest}/1") is None  # the one of here is gone, the other one may be there
