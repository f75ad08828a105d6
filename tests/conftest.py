"""What every test shares: quiet tools, `python` of this environment on PATH, and the folder of real media."""

import os
import sys
from pathlib import Path

import pytest

from infra.run import settings

if "PYTEST_XDIST_WORKER" in os.environ:  # workers share the cores; threads that wait for each other would spin
    os.environ["OMP_NUM_THREADS"] = "1"
os.environ |= {**settings(os.environ), "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"}


# Folders whose files take minutes: begun first, so that no worker is left alone with one of them.
_LONGEST = ("workflow", "services", "faults", "dags")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Longest files first."""
    rank = {name: place for place, name in enumerate(_LONGEST)}
    items.sort(key=lambda item: rank.get(item.path.parent.name, len(rank)))


@pytest.fixture(scope="session")
def real_media() -> Path:
    """A folder with real/, bad/ and bss/; skips where this machine has none."""
    folder = os.environ.get("PIXELS_MEDIA")
    if not folder:
        pytest.skip("PIXELS_MEDIA names no folder of real media")
    return Path(folder)
