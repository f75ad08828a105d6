"""What this machine offers to workers."""

import math
import os
from pathlib import Path

_QUOTA = Path("/sys/fs/cgroup/cpu.max")


def num_workers() -> int:
    """Cores that this process may use, or PIXELS_WORKERS; at least 1."""
    asked = os.environ.get("PIXELS_WORKERS")
    if not asked:
        return max(1, min(len(os.sched_getaffinity(0)), quota_cores(_QUOTA)))
    if not asked.isdecimal() or int(asked) < 1:
        raise ValueError(f"PIXELS_WORKERS must be a whole number of at least 1, found {asked!r}")
    return int(asked)


def quota_cores(path: Path) -> int:
    """Whole cores that a container's quota (cgroup 2's cpu.max: microseconds, period) allows; many where there is none.

    A container with a quota still sees all cores of its host in its affinity.
    """
    try:
        quota, period = path.read_text(encoding="ascii").split()
    except (OSError, ValueError):
        return 2**16
    return 2**16 if quota == "max" else math.ceil(int(quota) / int(period))
