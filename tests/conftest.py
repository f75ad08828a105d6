"""What every test shares: quiet tools, `python` of this environment on PATH, and the folder of real media."""

import os
import sys
from pathlib import Path

import pytest

from infra.run import settings

os.environ |= {**settings(os.environ), "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"}


@pytest.fixture(scope="session")
def real_media() -> Path:
    """A folder with real/, bad/ and bss/; skips where this machine has none."""
    folder = os.environ.get("PIXELS_MEDIA")
    if not folder:
        pytest.skip("PIXELS_MEDIA names no folder of real media")
    return Path(folder)
