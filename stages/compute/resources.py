"""What this machine offers to workers."""

import os


def num_workers() -> int:
    """Cores that this process may use, or PIXELS_WORKERS."""
    return int(os.environ.get("PIXELS_WORKERS", "0")) or len(os.sched_getaffinity(0))
