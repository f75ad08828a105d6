"""Commands of tasks: their output, their end, and whether another try can help."""

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
import yaml
from calls import Call, Said


def call(folder: Path, said: list[str]) -> Call:
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    return Call(folder, {**os.environ, "PATH": path}, said.append)


def shell(text: str) -> list[str]:
    return ["/bin/sh", "-c", text]


def test_output_is_said_as_it_comes_and_its_end_is_kept(tmp_path: Path) -> None:
    log: list[str] = []
    said = call(tmp_path, log).run(shell("for i in $(seq 30); do echo line $i; done; echo oops >&2; exit 7"))
    assert said.status == 7
    assert log[1:] == [*(f"line {i}" for i in range(1, 31)), "oops"]
    assert said.lines == (*(f"line {i}" for i in range(12, 31)), "oops")


def test_of_a_progress_bar_its_last_state_is_said(tmp_path: Path) -> None:
    assert call(tmp_path, []).run(shell(r"printf '10%%\r50%%\r100%%\n'")).lines == ("100%",)


def test_an_answer_is_kept_apart_from_what_is_said(tmp_path: Path) -> None:
    log: list[str] = []
    said = call(tmp_path, log).ask(shell("echo '{\"a\": 1}'; echo warning >&2"))
    assert (said.answer, said.lines, log[1:]) == ('{"a": 1}\n', ("warning",), ["warning"])


@pytest.mark.parametrize(
    ("body", "status", "is_final"),
    [
        ("import sys; sys.exit('decode: no videos\\n(PIXELS_TRACEBACK=1 shows where)')", 1, True),
        ("raise RuntimeError('nobody foresaw this')", 1, False),
        ("import sys; print('MLflow does not answer'); sys.exit(75)", 75, False),
        ("import sys; sys.exit(3)", 3, True),
        ("import os; os.kill(os.getpid(), 9)", 137, False),
    ],
)
def test_a_stages_own_status_is_read_through_dvc(tmp_path: Path, body: str, status: int, is_final: bool) -> None:
    (tmp_path / "stage.py").write_text(body, encoding="utf-8")
    stage = {"cmd": "python stage.py", "deps": ["stage.py"], "outs": ["never"]}
    (tmp_path / "dvc.yaml").write_text(yaml.safe_dump({"stages": {"one": stage}}), encoding="utf-8")
    subprocess.run([sys.executable, "-m", "dvc", "init", "--no-scm", "--quiet"], cwd=tmp_path, check=True)
    said = call(tmp_path, []).run(["dvc", "--wait-for-lock", "repro", "--single-item", "one"])
    assert said.status == 255
    assert (abs(said.stage_status), said.is_final) in [(status, is_final), (status - 128, is_final)]


def test_without_dvc_the_status_is_the_commands_own() -> None:
    assert Said(1, ("admit: no such file",)).is_final
    assert Said(3, ()).is_final
    assert not Said(75, ()).is_final
    assert not Said(-9, ()).is_final
    assert not Said(255, ("ERROR: Unable to acquire lock",)).is_final


def test_stop_ends_all_that_the_command_started(tmp_path: Path) -> None:
    calls = call(tmp_path, [])
    thread = threading.Thread(target=calls.run, args=[shell("sleep 60 & echo $! > pid; wait")])
    thread.start()
    deadline_s = time.monotonic() + 30
    while not ((tmp_path / "pid").exists() and (tmp_path / "pid").read_text().strip()):
        assert time.monotonic() < deadline_s
        time.sleep(0.02)
    calls.stop()
    thread.join(30)
    assert not thread.is_alive()
    assert is_gone(int((tmp_path / "pid").read_text()))


CALLER = """
import os, sys
sys.path.insert(0, {dags!r})
from pathlib import Path
from calls import Call
Call(Path("."), dict(os.environ), print).run(["/bin/sh", "-c", "echo $$ > pid; exec sleep 60"])
"""


@pytest.mark.skipif(sys.platform != "linux", reason="PR_SET_PDEATHSIG is Linux's")
def test_a_killed_task_leaves_no_command_behind(tmp_path: Path) -> None:
    dags = str(Path(__file__).resolve().parents[2] / "dags")
    task = subprocess.Popen([sys.executable, "-c", CALLER.format(dags=dags)], cwd=tmp_path)
    deadline_s = time.monotonic() + 30
    while not ((tmp_path / "pid").exists() and (tmp_path / "pid").read_text().strip()):
        assert time.monotonic() < deadline_s
        time.sleep(0.02)
    task.send_signal(signal.SIGKILL)
    task.wait(30)
    assert is_gone(int((tmp_path / "pid").read_text()))


def is_gone(pid: int) -> bool:
    deadline_s = time.monotonic() + 20
    while time.monotonic() < deadline_s:
        status = Path(f"/proc/{pid}/status")
        try:
            if "\nState:\tZ" in status.read_text():
                return True
        except (FileNotFoundError, ProcessLookupError):
            return True
        time.sleep(0.05)
    return False
