"""Before work is sent to a cluster: are all its nodes fit, and like this machine?"""

import os
import platform
import re
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from stages.compute.errors import PoolError
from stages.shards.store import source_digest

_ABSENT = "none"
_LOOPBACK = re.compile(r"(auto|local|localhost|127\.\d+\.\d+\.\d+)(:\d+)?$")
_ANSWER_S = 120.0  # a node may have to start a worker on a busy machine
_SHARED = "the project's folder and PIXELS_STORE must lie on a file system that all nodes share, under the same names"

PROJECT = Path(__file__).resolve().parents[2]


def check_address(address: str) -> None:
    """`PoolError` where a cluster off this machine would be spoken to without a token."""
    host = address.removeprefix("ray://")
    if not _LOOPBACK.match(host) and os.environ.get("RAY_AUTH_MODE") != "token":
        raise PoolError(
            f"RAY_ADDRESS is {address}, which is not on this machine, and RAY_AUTH_MODE is "
            f"{os.environ.get('RAY_AUTH_MODE', 'not set')}; anybody who reaches such a cluster may run code on it: set "
            "RAY_AUTH_MODE=token here and on all nodes, with the same RAY_AUTH_TOKEN or RAY_AUTH_TOKEN_PATH"
        )


def check_nodes(ray: Any, folders: Sequence[Path]) -> None:
    """`PoolError` that names each node which differs from this machine, in what, or which does not see the folders."""
    here = describe(folders)
    strategies = ray.util.scheduling_strategies
    asked: dict[Any, str] = {}
    for node in ray.nodes():
        if node["Alive"]:
            on_it = strategies.NodeAffinitySchedulingStrategy(node_id=node["NodeID"], soft=False)
            remote = ray.remote(num_cpus=0, scheduling_strategy=on_it)(describe)
            name = f"node {node['NodeID'][:8]} ({node['NodeManagerHostname']}, {node['NodeManagerAddress']})"
            asked[remote.remote(folders)] = name
    if faults := [line for answer, name in asked.items() for line in _faults(ray, answer, name=name, here=here)]:
        raise PoolError("nodes of the cluster are not fit for this work:\n" + "\n".join(f"  {line}" for line in faults))


def _faults(ray: Any, answer: Any, *, name: str, here: Mapping[str, str]) -> list[str]:
    try:
        return differences(name, ray.get(answer, timeout=_ANSWER_S), here)
    except ray.exceptions.RayError as error:
        if "No module named 'stages'" in str(error):
            return [f"{name}: {PROJECT} is not there; {_SHARED}"]
        return [f"{name}: {error}"]


def describe(folders: Sequence[Path]) -> dict[str, str]:
    """Versions of what decides about results on this machine, and which of the folders are there."""
    return {
        "Python": platform.python_version(),
        "torch": _package("torch"),
        "ray": _package("ray"),
        "ffmpeg": _ffmpeg(),
        "code of stages/": source_digest(PROJECT / "stages")[:12],
        **{str(folder): "there" if folder.is_dir() else _ABSENT for folder in folders},
    }


def differences(node: str, found: Mapping[str, str], here: Mapping[str, str]) -> list[str]:
    """One line for each thing in which a node differs."""
    lines: list[str] = []
    for name, expected in here.items():
        if found[name] == expected:
            continue
        if name.startswith(os.sep):
            lines.append(f"{node}: {name} is not there; workers open shards by their paths: {_SHARED}")
        else:
            lines.append(f"{node}: {name} is {found[name]}, expected {expected} as on this machine")
    return lines


def _package(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return _ABSENT


def _ffmpeg() -> str:
    """The first line of what it says of itself, without the copyright."""
    tool = shutil.which("ffmpeg")
    if tool is None:
        return _ABSENT
    said = subprocess.run([tool, "-version"], capture_output=True, text=True, check=False, timeout=60).stdout
    return said.partition("\n")[0].removeprefix("ffmpeg version ").partition(" Copyright")[0]
