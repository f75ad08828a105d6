"""infra/environment.py: what is refused before any download, how the lock is split, tiny wheels really installed."""

import base64
import hashlib
import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from infra.environment import ROOT, Lock, chosen_version, split_lock, stamp_of

LOCK = """\
alpha==1.0 \\
    --hash=sha256:aa \\
    --hash=sha256:bb
    # via torch
cuda-toolkit==13.0.3.0 \\
    --hash=sha256:cc
    # via
    #   torch
nvidia-cudnn-cu13==9.24.0.43 ; platform_system == "Linux" \\
    --hash=sha256:dd
pyright[nodejs]==1.1.414 \\
    --hash=sha256:ee
torch==2.14.1 \\
    --hash=sha256:ff
torchaudio==2.11.0 \\
    --hash=sha256:00
torchvision-like==1.0 \\
    --hash=sha256:22
triton==3.8.0 \\
    --hash=sha256:11
"""


def test_split_takes_out_torch_and_its_cuda_packages_only() -> None:
    lock = split_lock(LOCK)
    names = [line.split("==")[0] for line in lock.hashed.splitlines() if "==" in line and line[0].isalpha()]
    assert names == ["alpha", "pyright[nodejs]", "torchvision-like"]
    assert lock.unhashed == {"torch": "2.14.1", "torchaudio": "2.11.0"}


def test_split_keeps_the_text_of_what_stays() -> None:
    assert split_lock(LOCK).hashed.startswith(LOCK[: LOCK.index("cuda-toolkit")])


def test_split_of_the_project_s_own_lock_keeps_every_other_entry_with_its_hashes() -> None:
    text = (ROOT / "requirements.lock").read_text()
    lock = split_lock(text)
    kept = set(lock.hashed.split("\n"))
    gone = [line for line in text.split("\n") if line not in kept]
    names = {line.split("==")[0] for line in gone if "==" in line}
    assert {"torch", "torchaudio", "triton"} < names
    assert all(name.startswith(("torch", "triton", "nvidia-", "cuda-")) for name in names)
    assert lock.hashed.count("==") == text.count("==") - len(names)
    assert lock.hashed.count("--hash=") + sum("--hash=" in line for line in gone) == text.count("--hash=")
    assert set(lock.unhashed) == {"torch", "torchaudio"}


def test_a_lock_without_torch_is_left_as_it_is() -> None:
    text = "alpha==1.0 \\\n    --hash=sha256:aa\n"
    assert split_lock(text) == Lock(text, {})


def test_chosen_version_reads_pip_s_report() -> None:
    assert chosen_version('{"install": [{"metadata": {"name": "torch", "version": "2.14.1+cpu"}}]}') == "2.14.1+cpu"


def project(folder: Path, lock: str) -> Path:
    """A copy of the installer with a lock of its own, and programs named ffmpeg and ffprobe."""
    (folder / "infra").mkdir(parents=True)
    shutil.copy(ROOT / "infra/environment.py", folder / "infra")
    (folder / "requirements.lock").write_text(lock)
    (folder / "bin").mkdir()
    for name in ("ffmpeg", "ffprobe"):
        (folder / "bin" / name).write_text("#!/bin/sh\n")
        (folder / "bin" / name).chmod(0o755)
    return folder


def install(folder: Path, **surroundings: str) -> subprocess.CompletedProcess[str]:
    quiet = {key: value for key, value in os.environ.items() if not key.startswith("PIP_")}
    return subprocess.run(
        [sys.executable, str(folder / "infra/environment.py")],
        env={**quiet, "PATH": f"{folder / 'bin'}", **surroundings},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize("absent", ["ffmpeg", "ffprobe"])
def test_without_ffmpeg_nothing_is_made_and_the_status_is_3(tmp_path: Path, absent: str) -> None:
    root = project(tmp_path / "project", LOCK)
    (root / "bin" / absent).unlink()
    done = install(root)
    assert done.returncode == 3
    assert "apt-get install ffmpeg" in done.stderr
    assert "sudo" not in done.stderr + done.stdout
    assert not (root / ".venv").exists()


def test_a_current_stamp_makes_it_a_silent_no_op(tmp_path: Path) -> None:
    root = project(tmp_path / "project", LOCK)
    (root / ".venv").mkdir()
    (root / ".venv/.installed").write_text(stamp_of(LOCK, "2.14.1"))
    done = install(root)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert sorted(path.name for path in (root / ".venv").iterdir()) == [".installed"]


def wheel(folder: Path, name: str, version: str) -> str:
    """A wheel with one module; returns its sha256."""
    module, folder_name = f"__version__ = {version!r}\n".encode(), f"{name}-{version}.dist-info"
    files = {
        f"{name}.py": module,
        f"{folder_name}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n".encode(),
        f"{folder_name}/WHEEL": b"Wheel-Version: 1.0\nGenerator: tests\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    rows = [f"{path},sha256={_urlsafe(content)},{len(content)}" for path, content in files.items()]
    files[f"{folder_name}/RECORD"] = "\n".join([*rows, f"{folder_name}/RECORD,,", ""]).encode()
    path = folder / f"{name}-{version}-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as archive:
        for entry, content in files.items():
            archive.writestr(entry, content)
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _urlsafe(content: bytes) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(content).digest()).rstrip(b"=").decode()


def entry(name: str, version: str, digest: str) -> str:
    return f"{name}=={version} \\\n    --hash=sha256:{digest}\n"


def test_an_index_with_cpu_builds_gives_them_and_all_else_is_checked_by_hash(tmp_path: Path) -> None:
    wheels = tmp_path / "wheels"
    wheels.mkdir()
    good = entry("alpha", "1.0", wheel(wheels, "alpha", "1.0"))
    rest = entry("nvidia-cudnn-cu13", "9.0", "d" * 64) + entry("torch", "2.14.1", "f" * 64)
    rest += entry("torchaudio", "2.11.0", "e" * 64) + entry("triton", "3.8.0", "1" * 64)
    wheel(wheels, "torch", "2.14.1+cpu")
    wheel(wheels, "torchaudio", "2.11.0+cpu")
    own_index = {"PIP_NO_INDEX": "1", "PIP_FIND_LINKS": str(wheels), "PIP_CONFIG_FILE": os.devnull}
    root = project(tmp_path / "project", entry("alpha", "1.0", "a" * 64) + rest)

    refused = install(root, **own_index)
    assert refused.returncode == 1
    assert "THESE PACKAGES DO NOT MATCH THE HASHES" in refused.stderr
    assert not (root / ".venv/.installed").exists()

    (root / "requirements.lock").write_text(good + rest)
    done = install(root, **own_index)
    assert done.returncode == 0, done.stderr
    assert "free on this disk" in done.stdout
    assert "not checked by hash: torch==2.14.1 torchaudio==2.11.0" in done.stdout
    question = "import alpha, torch, torchaudio; print(alpha.__version__, torch.__version__, torchaudio.__version__)"
    answer = subprocess.run([root / ".venv/bin/python", "-c", question], capture_output=True, text=True, check=True)
    assert answer.stdout.split() == ["1.0", "2.14.1+cpu", "2.11.0+cpu"]
    assert (root / ".venv/.installed").read_text() == stamp_of(good + rest, "2.14.1+cpu")
