import os
import resource
import socket
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import pytest

from stages.media import sandbox
from stages.media.faults import MediaError
from stages.media.sandbox import run

_SYSTEMS = Path("/usr/bin/python3")  # bubblewrap shows programs nothing but /usr
PYTHON = str(_SYSTEMS if _SYSTEMS.exists() else Path(sys.executable).resolve())


class Text:
    def __init__(self) -> None:
        self.data = b""

    def feed(self, data: bytes) -> None:
        self.data += data


def shell(script: str, *, sinks: Sequence[Text] = (), timeout_s: float = 20.0, path: str = "/dev/null"):  # noqa: ANN201
    descriptor = os.open(path, os.O_RDONLY)
    try:
        return run(
            lambda pipes: [PYTHON, "-c", script, str(descriptor), *map(str, pipes)],
            sinks=sinks or [Text()],
            descriptor=descriptor,
            timeout_s=timeout_s,
        )
    finally:
        os.close(descriptor)


@pytest.fixture(params=["bubblewrap", "limits only"], autouse=True)
def room(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    if request.param == "limits only":
        monkeypatch.setattr(sandbox, "bubblewrap", lambda: "")
    elif not sandbox.bubblewrap() or not PYTHON.startswith("/usr/"):
        pytest.skip("bubblewrap does not work on this machine, or its Python is not under /usr")
    return request.param


def test_several_full_pipes_do_not_block_each_other() -> None:
    sinks = [Text(), Text(), Text()]
    script = "import os,sys\nfor n in range(9): [os.write(int(p), bytes([n])*100_000) for p in sys.argv[:1:-1]]"
    assert shell(script, sinks=sinks).status == 0
    assert [sink.data for sink in sinks] == [b"".join(bytes([n]) * 100_000 for n in range(9))] * 3


def test_the_given_file_can_be_read_and_sought_under_its_number(tmp_path: Path) -> None:
    (tmp_path / "secret").write_bytes(b"0123456789")
    sink = Text()
    script = "import sys; f=open('/proc/self/fd/'+sys.argv[1],'rb'); f.seek(4); sys.stdout.buffer.write(f.read())"
    assert shell(script, sinks=[sink], path=str(tmp_path / "secret")).status == 0
    assert sink.data == b"456789"


def test_nothing_of_the_environment_gets_in(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "x")
    sink = Text()
    shell("import os; print(sorted(os.environ))", sinks=[sink])
    assert b"AWS" not in sink.data and b"PATH" in sink.data


def test_bubblewrap_hides_disk_and_network(room: str, tmp_path: Path) -> None:
    if room != "bubblewrap":
        pytest.skip("only where bubblewrap is used")
    (tmp_path / "other.mp4").write_bytes(b"x")
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        script = (
            f"import os,socket\nfor t in (lambda: open({str(tmp_path / 'other.mp4')!r}), lambda: os.listdir('/home'), "
            f"lambda: socket.create_connection(('127.0.0.1', {port}), 2)):\n"
            "    try: t(); print('in')\n    except OSError: print('out')"
        )
        sink = Text()
        shell(script, sinks=[sink])
    assert sink.data.split() == [b"out"] * 3


def test_a_hanging_program_and_its_children_are_killed() -> None:
    script = "import subprocess; subprocess.run(['/usr/bin/sleep', '6174'])"
    started_s = time.monotonic()
    with pytest.raises(MediaError) as caught:
        shell(script, timeout_s=1.0)
    assert caught.value.reason == "timeout" and time.monotonic() - started_s < 8
    time.sleep(0.2)
    commands = [path.read_bytes() for path in Path("/proc").glob("[0-9]*/cmdline") if path.exists()]
    assert not any(b"sleep\x006174" in command for command in commands)


@pytest.mark.parametrize(
    "script",
    [
        "x = bytearray(4 * 1024**3)",
        "import os; os.abort()",
        "import tempfile; tempfile.TemporaryFile(dir='/dev/shm').write(bytes(64 * 1024**2))",
    ],
)
def test_greed_and_crashes_show_in_the_status(script: str) -> None:
    assert shell(script).status != 0


def test_a_program_is_waited_for_and_what_it_costs_is_counted() -> None:
    """Unwaited ones stay as zombies for ever where a container's first process does not collect them."""
    before_s = children_cpu_s()
    shell("import time\nwhile time.process_time() < 0.5: pass")
    assert children_cpu_s() - before_s > 0.4


def children_cpu_s() -> float:
    spent = resource.getrusage(resource.RUSAGE_CHILDREN)
    return spent.ru_utime + spent.ru_stime


def test_floods_of_errors_are_cut() -> None:
    outcome = shell("import sys\nfor n in range(300_000): print('bad', n, file=sys.stderr)")
    assert outcome.errors[0] == "bad 0" and sum(map(len, outcome.errors)) <= 1 << 16


def test_a_failing_sink_ends_the_program() -> None:
    class Full(Text):
        def feed(self, data: bytes) -> None:  # noqa: ARG002
            raise OSError("No space left on device")

    started_s = time.monotonic()
    with pytest.raises(OSError, match="No space left"):
        shell("import time; print(1, flush=True); time.sleep(60)", sinks=[Full()])
    assert time.monotonic() - started_s < 10
