"""Makes .venv from requirements.lock: the first part of `make run`. Standard library only: nothing is installed yet.

Every package is checked against the hashes of the lock. The one exception: where the user's own pip configuration
prefers a build of torch for this machine (`2.14.1+cpu`), its hash cannot stand in the lock, so torch and torchaudio
come from that index, in the locked versions, and this is said.
"""

import hashlib
import importlib.util
import json
import re
import shutil
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
LOCK = ROOT / "requirements.lock"
STAMP = VENV / ".installed"

NOTHING_MISSING, PROBLEM, MISSING_SYSTEM_PACKAGE = 0, 1, 3

_PYTHON = (3, 11)  # the version that the lock was resolved for
_GB = 1e9
_FREE_FOR_RESULTS_BYTES = 3 * _GB

# What comes with a CUDA build of torch, and is of no use to any other build.
_TORCH_FAMILY = re.compile(r"^(torch|torchaudio|triton|nvidia-.*|cuda-.*)$")


@dataclass(frozen=True)
class Footprint:
    """Measured on Linux x86-64 with the lock of torch 2.14.1."""

    what: str
    download_bytes: float
    installed_bytes: float


CUDA = Footprint("torch with CUDA", 3.4 * _GB, 7.0 * _GB)
LOCAL = Footprint("a build of torch chosen by your pip configuration", 0.7 * _GB, 2.3 * _GB)


class SetupError(Exception):
    """Something that the user must change before the environment can be made."""

    def __init__(self, message: str, status: int = PROBLEM) -> None:
        super().__init__(message)
        self.status = status


@dataclass(frozen=True)
class Lock:
    """requirements.lock in two parts: what is installed by hash, and versions of what is not."""

    hashed: str
    unhashed: dict[str, str]


def split_lock(text: str) -> Lock:
    """Take torch and all that only its CUDA build needs out of a lock.

    Args:
        text: A requirements file with one `name==version` entry a package, each followed by indented lines.
    """
    entries = re.split(r"(?m)^(?=[A-Za-z0-9])", text)
    heads = [re.match(r"([A-Za-z0-9._-]+)(?:\[[^\]]*\])?==([^\s\\;]+)", entry) for entry in entries]
    family = [bool(head and _TORCH_FAMILY.match(head[1])) for head in heads]
    versions = {head[1]: head[2] for head in heads if head and head[1] in ("torch", "torchaudio")}
    return Lock("".join(entry for entry, gone in zip(entries, family, strict=True) if not gone), versions)


def missing_system_packages() -> list[str]:
    """Debian's names of the programs that this project needs and this machine lacks."""
    missing = [] if shutil.which("ffmpeg") and shutil.which("ffprobe") else ["ffmpeg"]
    has_venv = STAMP.exists() or importlib.util.find_spec("ensurepip") is not None
    return missing if has_venv else [*missing, f"python{_PYTHON[0]}.{_PYTHON[1]}-venv"]


def require_system() -> None:
    """Stop, before anything is downloaded, when a system package or the right Python is missing."""
    if sys.version_info[:2] != _PYTHON:
        found = f"{sys.version_info[0]}.{sys.version_info[1]}"
        raise SetupError(f"this is Python {found}; the lock needs 3.11: try `make run PYTHON=python3.11`")
    if missing := missing_system_packages():
        names = " ".join(missing)
        raise SetupError(
            f"missing on this machine: {names}\ninstall it as root with\n\n    apt-get install {names}\n",
            MISSING_SYSTEM_PACKAGE,
        )


def stamp_of(lock_text: str, torch_version: str) -> str:
    """What .venv/.installed says once everything of this lock is there."""
    return f"{hashlib.sha256(lock_text.encode()).hexdigest()} torch {torch_version}\n"


def is_current(lock_text: str) -> bool:
    """Whether .venv was made from this very lock."""
    return STAMP.exists() and STAMP.read_text().split()[0] == stamp_of(lock_text, "").split()[0]


def chosen_version(report: str) -> str:
    """The version of the single package in the JSON that `pip install --dry-run --report -` prints."""
    return str(json.loads(report)["install"][0]["metadata"]["version"])


def chosen_torch(version: str) -> str:
    """Which build of torch the user's pip configuration leads to, such as `2.14.1` or `2.14.1+cpu`."""
    question = ["install", "--dry-run", "--no-deps", "--ignore-installed", "--quiet", "--report", "-"]
    answer = subprocess.run(_pip(*question, f"torch=={version}"), stdout=subprocess.PIPE, text=True, check=False)
    if answer.returncode:
        raise SetupError(f"pip finds no torch {version}: see its message above (network? index? platform?)")
    return chosen_version(answer.stdout)


def announce(footprint: Footprint) -> None:
    """Say what will be downloaded and whether the disk has room for it."""
    free_bytes = shutil.disk_usage(ROOT).free
    needed_bytes = footprint.installed_bytes + _FREE_FOR_RESULTS_BYTES
    print(
        f"Installing into {VENV} ({footprint.what}):\n"
        f"  to download, at most  {footprint.download_bytes / _GB:5.1f} GB (less what pip has in its cache)\n"
        f"  installed             {footprint.installed_bytes / _GB:5.1f} GB\n"
        f"  free on this disk     {free_bytes / _GB:5.1f} GB",
        flush=True,
    )
    if footprint is CUDA:
        print("  (without a GPU, an index with CPU builds in your pip configuration saves about 4 GB)", flush=True)
    if free_bytes < needed_bytes:
        raise SetupError(f"not enough disk: {needed_bytes / _GB:.0f} GB are needed for packages and results")


def install(lock_text: str) -> None:
    """Create .venv if need be and install the lock into it."""
    if not (VENV / "bin" / "python").exists():
        _call([sys.executable, "-m", "venv", str(VENV)])
    lock = split_lock(lock_text)
    torch_version = chosen_torch(lock.unhashed["torch"])
    is_local = "+" in torch_version
    announce(LOCAL if is_local else CUDA)
    if is_local:
        _install_hashed(lock.hashed)
        pins = [f"{name}=={version}" for name, version in lock.unhashed.items()]
        print(f"torch {torch_version} is your index's own build, not checked by hash: {' '.join(pins)}", flush=True)
        _call(_pip("install", *pins))
    else:
        _install_hashed(lock_text)
    STAMP.write_text(stamp_of(lock_text, torch_version))


def _install_hashed(requirements: str) -> None:
    path = VENV / "requirements.hashed"
    path.write_text(requirements)
    _call(_pip("install", "--require-hashes", "--no-deps", "--requirement", str(path)))


def _pip(*arguments: str) -> list[str]:
    return [str(VENV / "bin" / "python"), "-m", "pip", "--disable-pip-version-check", *arguments]


def _call(command: Sequence[str]) -> None:
    if status := subprocess.run(command, check=False).returncode:
        raise SetupError(f"`{' '.join(command)}` ended with status {status}: see its message above")


def ensure() -> int:
    """Make .venv current; returns the exit status and prints what to do when it is not 0."""
    try:
        require_system()
        lock_text = LOCK.read_text()
        if not is_current(lock_text):
            install(lock_text)
    except SetupError as problem:
        print(f"environment: {problem}", file=sys.stderr)
        return problem.status
    return NOTHING_MISSING


if __name__ == "__main__":
    sys.exit(ensure())
