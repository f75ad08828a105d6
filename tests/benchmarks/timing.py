"""Methods timed against each other: interleaved, CPU seconds of this process and its children, medians of ratios."""

import json
import os
import platform
import resource
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from statistics import median
from typing import Any


def cpu_s() -> float:
    """CPU seconds of this process and of its children that have ended."""
    own, children = resource.getrusage(resource.RUSAGE_SELF), resource.getrusage(resource.RUSAGE_CHILDREN)
    return own.ru_utime + own.ru_stime + children.ru_utime + children.ru_stime


def interleaved(methods: Mapping[str, Callable[[], object]], repeats: int) -> dict[str, float]:
    """Median CPU seconds of one call of each method; the methods take turns, and the first turn is not counted."""
    spent: dict[str, list[float]] = {name: [] for name in methods}
    for _ in range(repeats + 1):
        for name, method in methods.items():
            before = cpu_s()
            method()
            spent[name].append(cpu_s() - before)
    return {name: median(values[1:]) for name, values in spent.items()}


def machine() -> str:
    """What a figure was measured on."""
    info = Path("/proc/cpuinfo").read_text(encoding="utf-8") if Path("/proc/cpuinfo").exists() else ""
    names = [line.partition(":")[2].strip() for line in info.splitlines() if line.startswith("model name")]
    return f"{names[0] if names else platform.machine()}, {os.cpu_count()} cores, {platform.platform()}"


def tell(content: dict[str, Any], *, argument: int = 1) -> None:
    """Print the result as JSON, and write it to the file that this argument of the command line, if given, names."""
    text = json.dumps({"machine": machine(), **content}, indent=2)
    print(text)
    if len(sys.argv) > argument:
        Path(sys.argv[argument]).write_text(text + "\n", encoding="utf-8")


def peak_kib() -> int:
    """Largest resident size of this process since its program began; getrusage also knows the parent's."""
    lines = Path("/proc/self/status").read_text(encoding="utf-8").splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM:"))
