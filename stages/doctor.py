"""What this machine offers against what the pipeline needs: `make doctor`. Reads only; imports nothing slow."""

import importlib.metadata
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal

import psutil
from packaging.requirements import Requirement
from rich.console import Console
from rich.table import Table

from stages import layout
from stages.keeping.entries import rooms, size_bytes

State = Literal["ok", "note", "problem", "missing"]

OK, PROBLEM, NO_FFMPEG = 0, 1, 3

REQUIREMENTS = Path("requirements.txt")
INSTALL_FFMPEG = "apt-get install ffmpeg"

_GB = 1e9
_OLDEST_FFMPEG = (5, 1)  # the first with -fps_mode
_MIN_MEMORY_BYTES = 3 * _GB
_MIN_DISK_BYTES = 3 * _GB
_PATIENCE_S = 20.0

# What the built-in corpus is written and read with, and what people's own videos come in.
_NEEDED = {
    "demuxers": ("mov", "matroska", "mpegts", "mpeg", "avi"),
    "decoders": ("h264", "aac"),
    "encoders": ("libx264", "aac"),
    "filters": ("fps", "trim", "scale"),
}
_WELCOME_DECODERS = ("hevc", "vp8", "vp9", "av1", "mpeg4", "mp3", "opus", "vorbis", "ac3", "flac")


@dataclass(frozen=True)
class Finding:
    """One line of the report; `advice` is empty where nothing is to be done."""

    what: str
    state: State
    found: str
    advice: str = ""


def report(*, as_json: bool) -> int:
    """Print all findings; returns the exit status (0 fine, 1 a problem, 3 no ffmpeg)."""
    findings = list(examine())
    if as_json:
        print(json.dumps([asdict(finding) for finding in findings], indent=2))
    else:
        Console().print(_table(findings))
    if any(finding.state == "missing" for finding in findings):
        print(f"ffmpeg with ffprobe is missing; as root: {INSTALL_FFMPEG}", file=sys.stderr)
    return exit_status(findings)


def exit_status(findings: Sequence[Finding]) -> int:
    """3 before 1 before 0; a note is no fault."""
    states = {finding.state for finding in findings}
    if "missing" in states:
        return NO_FFMPEG
    return PROBLEM if "problem" in states else OK


def examine() -> Iterator[Finding]:
    """All findings, the cheapest repairs first."""
    yield from ffmpeg()
    yield sandbox()
    yield Finding("cores", "ok", f"{len(os.sched_getaffinity(0))} usable of {os.cpu_count()}")
    yield memory(psutil.virtual_memory().available)
    yield disk(shutil.disk_usage(".").free)
    yield store()
    yield gpu()
    yield python(sys.version_info[:3])
    yield packages(REQUIREMENTS.read_text(encoding="utf-8"))


def ffmpeg() -> Iterator[Finding]:
    """Presence, version and abilities of the two programs that touch media."""
    absent = [tool for tool in ("ffmpeg", "ffprobe") if shutil.which(tool) is None]
    if absent:
        yield Finding("ffmpeg", "missing", f"no {' and no '.join(absent)} on PATH", f"as root: {INSTALL_FFMPEG}")
        return
    yield ffmpeg_version(_output("ffmpeg", "-version"))
    for kind, needed in _NEEDED.items():
        offered = abilities(_output("ffmpeg", "-hide_banner", f"-{kind}"))
        lacking = [name for name in needed if name not in offered]
        if lacking:
            yield Finding(kind, "problem", f"no {', '.join(lacking)}", "install a complete build of ffmpeg")
        elif kind == "decoders":
            yield _decoders(offered)
        else:
            yield Finding(kind, "ok", ", ".join(needed))


def ffmpeg_version(answer: str) -> Finding:
    """Judge the first line of `ffmpeg -version`; builds from git carry no number and are taken as new."""
    version = answer.removeprefix("ffmpeg version ").split(" ", 1)[0]
    number = re.match(r"n?(\d+)\.(\d+)", version)
    if number and (int(number[1]), int(number[2])) < _OLDEST_FFMPEG:
        return Finding("ffmpeg", "problem", version, f"needs {'.'.join(map(str, _OLDEST_FFMPEG))} or newer")
    return Finding("ffmpeg", "ok", version)


def abilities(listing: str) -> set[str]:
    """Names in what `ffmpeg -decoders` (or -demuxers, -encoders, -filters) prints: the second word of each entry.

    A decoder of another library (`libdav1d`, described as `(codec av1)`) counts for the codec that it decodes.
    """
    rows = re.findall(r"(?m)^ {1,2}[A-Z.|]+ +(\S+) +(.*)$", listing)
    names = {name for first, _ in rows for name in first.split(",")}
    return names | {codec for _, text in rows for codec in re.findall(r"\(codec (\w+)\)", text)}


def _decoders(offered: set[str]) -> Finding:
    lacking = [name for name in _WELCOME_DECODERS if name not in offered]
    if lacking:
        return Finding("decoders", "note", f"no {', '.join(lacking)}", "videos in these codecs will be rejected")
    return Finding("decoders", "ok", ", ".join([*_NEEDED["decoders"], *_WELCOME_DECODERS]))


def sandbox() -> Finding:
    """Whether ffmpeg can run in a namespace of its own; limits on time, memory and files hold without it too."""
    if shutil.which("bwrap") is None:
        return Finding("bubblewrap", "note", "not installed", "safer, as root: apt-get install bubblewrap")
    trial = ["bwrap", "--unshare-all", "--die-with-parent", "--ro-bind", "/", "/", "true"]
    if subprocess.run(trial, capture_output=True, check=False, timeout=_PATIENCE_S).returncode:
        return Finding("bubblewrap", "note", "installed, but refused by this kernel", "ffmpeg runs with limits only")
    return Finding("bubblewrap", "ok", _output("bwrap", "--version").strip())


def memory(available_bytes: int) -> Finding:
    """Room for two decoders or one training process."""
    found = f"{available_bytes / _GB:.1f} GB available"
    if available_bytes < _MIN_MEMORY_BYTES:
        return Finding("memory", "problem", found, f"{_MIN_MEMORY_BYTES / _GB:.0f} GB are needed")
    return Finding("memory", "ok", found)


def disk(free_bytes: int) -> Finding:
    """Room for results; `make plan` says how much a run will take."""
    found = f"{free_bytes / _GB:.1f} GB free"
    if free_bytes < _MIN_DISK_BYTES:
        return Finding("disk", "problem", found, f"{_MIN_DISK_BYTES / _GB:.0f} GB are needed")
    return Finding("disk", "ok", found)


def store() -> Finding:
    """Finished work and checkpoints outside DVC: what they take beside DVC's own cache."""
    folder = layout.store()
    sizes = {room.name: size_bytes(room) for room in rooms(folder)}
    parts = ", ".join(f"{name} {size / _GB:.2f}" for name, size in sizes.items())
    found = f"{size_bytes(folder) / _GB:.2f} GB in {folder}{f' ({parts})' if parts else ''}"
    return Finding("store", "ok", found, "what nobody uses: make gc" if parts else "")


def gpu() -> Finding:
    """NVIDIA GPUs by their own tool, so that torch need not load."""
    if shutil.which("nvidia-smi") is None:
        return Finding("GPU", "note", "none: the CPU trains", "")
    listing = _output("nvidia-smi", "--query-gpu=name,memory.total", "--format=csv,noheader").strip()
    return Finding("GPU", "ok" if listing else "note", "; ".join(listing.splitlines()) or "nvidia-smi finds none")


def python(version: tuple[int, ...]) -> Finding:
    """The lock was resolved for one minor version."""
    found = ".".join(map(str, version))
    if version[:2] != (3, 11):
        return Finding("Python", "problem", found, "3.11 is needed: make run PYTHON=python3.11")
    return Finding("Python", "ok", found)


def packages(requirements: str) -> Finding:
    """Whether what requirements.txt asks for is installed in these versions."""
    lines = [line.split("#")[0].strip() for line in requirements.splitlines()]
    wanted = [Requirement(line) for line in lines if line]
    wrong = [f"{need} (found {found})" for need in wanted if (found := _installed(need.name)) not in need.specifier]
    if wrong:
        return Finding("packages", "problem", "; ".join(wrong), "make environment")
    main = ", ".join(f"{name} {_installed(name)}" for name in ("torch", "dvc", "mlflow", "ray", "apache-airflow"))
    return Finding("packages", "ok", f"{len(wanted)} as pinned: {main}")


def _installed(name: str) -> str:
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return "0"


def _output(*command: str) -> str:
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=_PATIENCE_S).stdout


def _table(findings: Sequence[Finding]) -> Table:
    table = Table(title="This machine", title_justify="left", box=None, pad_edge=False)
    for column in ("", "what", "found", "advice"):
        table.add_column(column, overflow="fold")
    signs: dict[State, str] = {"ok": "ok", "note": "note", "problem": "PROBLEM", "missing": "MISSING"}
    for finding in findings:
        table.add_row(signs[finding.state], finding.what, finding.found, finding.advice)
    return table
