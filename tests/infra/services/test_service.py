"""infra/services/service.py with parts that are small programs."""

import os
import signal
import socket
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from infra.services.service import Part, Service, ServiceError, write_private
from tests.faults.harness import adopting

SLEEPS = "import time; print('up', flush=True); time.sleep(600)"
FAILS = "import sys; print('line one', flush=True); sys.exit('no such table')"


def part(name: str, code: str) -> Part:
    return Part(name, (sys.executable, "-c", code))


@pytest.fixture
def service(tmp_path: Path) -> Iterator[Service]:
    service = Service("small", tmp_path)
    with adopting(), service.alone():
        yield service
        service.end()


def begin(service: Service, folder: Path, *parts: Part) -> None:
    for one in parts:
        service.start(one, os.environ, port=4242, folder=folder)


def spoken(service: Service, *parts: str) -> str:
    """What is missing: parts that have said nothing yet."""
    return ", ".join(name for name in parts if "up" not in service.log(name).read_text())


def kill(service: Service, name: str) -> None:
    process = service.started[name].process
    os.kill(process.pid, signal.SIGKILL)
    until_s = time.monotonic() + 30
    while process.is_alive:
        assert time.monotonic() < until_s


def test_parts_live_until_they_are_ended_and_another_command_knows_them(service: Service, tmp_path: Path) -> None:
    begin(service, tmp_path, part("one", SLEEPS), part("two", SLEEPS))
    service.wait(lambda: spoken(service, "one", "two"), 60)
    again = Service("small", tmp_path)
    assert again.alive == {"one", "two"}
    assert again.port == 4242
    assert len(again.processes) == 2
    assert again.end(first="two") == 2
    assert (again.end(), again.alive, again.port, again.processes) == (0, set(), None, set())


def test_two_workspaces_do_not_end_each_others(service: Service, tmp_path: Path) -> None:
    begin(service, tmp_path, part("one", SLEEPS))
    neighbour = Service("small", tmp_path / "w")
    assert neighbour.end() == 0
    assert service.alive == {"one"}


def test_what_a_killed_part_left_is_swept_before_it_is_started_again(service: Service, tmp_path: Path) -> None:
    leaves = f"import subprocess, sys; subprocess.Popen([sys.executable, '-c', {SLEEPS!r}], start_new_session=True)\n"
    begin(service, tmp_path, part("one", leaves + SLEEPS), part("two", SLEEPS))
    service.wait(lambda: "" if service.log("one").read_text().count("up") == 2 else "a child", 60)
    first = service.started["one"].process
    kill(service, "one")
    assert service.alive == {"two"}
    assert len(service.processes) == 2  # "two", and what "one" left
    service.sweep("one")
    assert len(service.processes) == 1
    begin(service, tmp_path, part("one", SLEEPS))
    assert service.alive == {"one", "two"}
    assert len(service.processes) == 2
    assert service.started["one"].process != first


def test_a_state_of_processes_that_are_long_gone_is_no_service(service: Service, tmp_path: Path) -> None:
    """As after a power cut: the ids have been given to others since."""
    begin(service, tmp_path, part("one", SLEEPS))
    kill(service, "one")
    file = tmp_path / ".services/small/state.json"
    text = file.read_text()
    file.write_text(text.replace(f'"pid": {service.started["one"].process.pid}', f'"pid": {os.getpid()}'))
    assert service.started["one"].process.pid == os.getpid()
    assert service.alive == set()
    assert service.end() == 0  # and we are alive


def test_a_part_that_ends_by_itself_is_not_waited_for_and_its_last_words_are_told(
    service: Service, tmp_path: Path
) -> None:
    begin(service, tmp_path, part("one", FAILS))
    with pytest.raises(ServiceError, match=r"one ended by itself:\n.*one\.log:\n  line one\n  no such table"):
        service.wait(lambda: "no answer", 60)


def test_what_does_not_get_healthy_in_time_tells_what_was_missing_and_said(service: Service, tmp_path: Path) -> None:
    begin(service, tmp_path, part("one", SLEEPS))
    service.wait(lambda: spoken(service, "one"), 60)

    def refused() -> str:
        raise ConnectionRefusedError("connection refused")

    with pytest.raises(ServiceError, match=r"not healthy within 0 s, connection refused:\n.*one\.log:\n  up"):
        service.wait(refused, 0)


def test_a_taken_port_is_refused_with_who_has_it(service: Service) -> None:
    with socket.socket() as ours:
        ours.bind(("127.0.0.1", 0))
        ours.listen()
        port = ours.getsockname()[1]
        with pytest.raises(ServiceError, match=f"port {port} is taken by process {os.getpid()}: .*make small PORT="):
            service.require_port(port)
    service.require_port(port)


def test_a_private_file_is_for_its_owner_alone_whatever_was_there(tmp_path: Path) -> None:
    path = tmp_path / "new/secret"
    for text in ("one", "two"):
        write_private(path, text)
        path.chmod(0o644) if text == "one" else None
    assert (path.read_text(), path.stat().st_mode & 0o777) == ("two", 0o600)
    assert [entry.name for entry in path.parent.iterdir()] == ["secret"]
