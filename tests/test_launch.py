"""stages/launch.py: values reach a stage by the names of its arguments; one process a stage; plain errors."""

import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Annotated

import pytest

from stages.launch import arguments, lookup, parameter_addresses, stage_lock
from stages.params import At, Clip, ParamsError, Register, read
from stages.separators import Model

ROOT = Path(__file__).resolve().parent.parent
PARAMS = read(ROOT / "params.yaml")


def plain(clip: Clip, register: Register) -> None:
    """A stage of two sections."""


def modelled(name: str, clip: Clip, model: Annotated[Model, At("models.{item}")]) -> None:
    """A stage for each model."""


def test_an_argument_is_the_section_of_its_name() -> None:
    assert parameter_addresses(plain) == {"clip": "clip", "register": "register"}
    assert arguments(plain, PARAMS, None) == {"clip": PARAMS.clip, "register": PARAMS.register_}


def test_an_annotated_argument_is_where_it_says() -> None:
    assert parameter_addresses(modelled) == {"clip": "clip", "model": "models.{item}"}
    assert arguments(modelled, PARAMS, "pixels") == {
        "name": "pixels",
        "clip": PARAMS.clip,
        "model": PARAMS.models["pixels"],
    }


def test_an_unknown_model_is_named_with_those_that_exist() -> None:
    with pytest.raises(ParamsError, match=r"no models\.pixel; there are pixels"):
        arguments(modelled, PARAMS, "pixel")


def test_an_item_where_none_belongs_and_none_where_one_belongs() -> None:
    with pytest.raises(ParamsError, match="takes no item, found 'pixels'"):
        arguments(plain, PARAMS, "pixels")
    with pytest.raises(ParamsError, match="takes one item"):
        arguments(modelled, PARAMS, None)


def test_lookup_goes_as_deep_as_the_address() -> None:
    assert lookup(PARAMS, "models.pixels.audio.levels") == PARAMS.models["pixels"].audio.levels
    assert lookup(PARAMS, "register.alias") == PARAMS.register_.alias


def workspace(folder: Path, stage: str) -> Path:
    """A project whose only stage is `stages/mixes.py` with the given body."""
    (folder / "stages/shards").mkdir(parents=True)
    for path in (*(ROOT / "stages").glob("*.py"), ROOT / "stages/shards/__init__.py", ROOT / "stages/shards/files.py"):
        shutil.copy(path, folder / path.relative_to(ROOT))
    (folder / "stages/mixes.py").write_text(stage)
    shutil.copy(ROOT / "params.yaml", folder)
    return folder


def start(folder: Path, *, parent: list[str] | None = None) -> subprocess.Popen[str]:
    return subprocess.Popen(
        parent or [sys.executable, "-m", "stages", "mixes"],
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


FAILING = """
from stages.params import Mixes
def run(mixes: Mixes) -> None:
    raise ValueError("data/decode: no clip is loud enough")
"""

SLOW = """
import os, time
from pathlib import Path
from stages.params import Mixes
def run(mixes: Mixes) -> None:
    with Path("diary").open("a") as diary:
        print("begin", os.getpid(), file=diary, flush=True)
        time.sleep(SECONDS)
        print("end", os.getpid(), file=diary, flush=True)
"""


def test_an_input_error_is_one_plain_line_and_status_1(tmp_path: Path) -> None:
    process = start(workspace(tmp_path, FAILING))
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 1
    assert errors.splitlines()[0] == "mixes: data/decode: no clip is loud enough"
    assert "Traceback" not in errors


@pytest.mark.parametrize(
    ("raised", "status"),
    [
        ("OSError(28, 'the disk is full')", 75),
        ("ConnectionError('MLflow does not answer')", 75),
        ("FileNotFoundError(2, 'no such file', 'videos')", 1),
    ],
)
def test_what_another_try_may_mend_has_a_status_of_its_own(tmp_path: Path, raised: str, status: int) -> None:
    stage = FAILING.replace('ValueError("data/decode: no clip is loud enough")', raised)
    process = start(workspace(tmp_path, stage))
    _, errors = process.communicate(timeout=60)
    assert (process.returncode, "Traceback" in errors) == (status, False)


def test_two_processes_of_a_stage_run_one_after_the_other(tmp_path: Path) -> None:
    root = workspace(tmp_path, SLOW.replace("SECONDS", "0.7"))
    both = [start(root), start(root)]
    errors = "".join(process.communicate(timeout=60)[1] for process in both)
    diary = [line.split() for line in (root / "diary").read_text().splitlines()]
    assert [word for word, _ in diary] == ["begin", "end", "begin", "end"]
    assert diary[0][1] == diary[1][1] != diary[2][1]
    assert errors.count("mixes: already running in this workspace") == 1


def test_a_lock_is_free_again_after_its_holder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for _ in range(2):
        with stage_lock("train@pixels"):
            assert Path(".locks/train@pixels.lock").exists()


@pytest.mark.skipif(sys.platform != "linux", reason="PR_SET_PDEATHSIG is Linux's")
def test_a_stage_dies_with_its_parent(tmp_path: Path) -> None:
    root = workspace(tmp_path, SLOW.replace("SECONDS", "30"))
    spawn = "import subprocess, sys; subprocess.run([sys.executable, '-m', 'stages', 'mixes'])"
    parent = start(root, parent=[sys.executable, "-c", spawn])
    stage = _wait_for_pid(root / "diary")
    parent.send_signal(signal.SIGKILL)
    parent.communicate(timeout=60)
    deadline_s = time.monotonic() + 10
    while _is_alive(stage) and time.monotonic() < deadline_s:
        time.sleep(0.05)
    assert not _is_alive(stage)
    assert "end" not in (root / "diary").read_text()


def _wait_for_pid(diary: Path) -> int:
    deadline_s = time.monotonic() + 30
    while time.monotonic() < deadline_s:
        if diary.exists() and (words := diary.read_text().split()):
            return int(words[1])
        time.sleep(0.05)
    raise AssertionError("the stage never began")


def _is_alive(pid: int) -> bool:
    try:
        return "\nState:\tZ" not in Path(f"/proc/{pid}/status").read_text() and os.kill(pid, 0) is None
    except (FileNotFoundError, ProcessLookupError):
        return False


def test_help_loads_nothing_slow() -> None:
    slow = {"torch", "ray", "mlflow", "pyarrow", "dvc"}
    code = f"import sys, stages.__main__; print(sorted({slow} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
