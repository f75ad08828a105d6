"""One small world with a real Airflow and a real MLflow, which all tests here share; they cost minutes to run."""

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.faults.harness import adopting, wait_for_no_survivor
from tests.synth.services import Servers
from tests.synth.world import make_workspace

# Waiting that a test cannot afford, and no Ray, which takes longer to start than this world's work.
HASTE = {
    "PIXELS_SERIAL": "1",
    "PIXELS_INBOX_QUIET_S": "1",
    "PIXELS_INBOX_VIDEOS": "2",
}

# Enough test videos, three of each instrument, for the gate to say anything.
CHANGES: dict[str, Any] = {
    "index": {"validation_share": 0.25, "test_share": 0.4, "split_salt": 51},
    "mixes": {"test": {"different2": 9, "same2": 0, "video2": 0}},
    "register": {"gate": {"min_videos": 4}},
}


@pytest.fixture(scope="package")
def servers() -> Iterator[Servers]:
    """Both services of a small world, running; at the end none of their processes is left."""
    folder = Path(tempfile.mkdtemp(prefix="pixels-services-"))
    servers = Servers(make_workspace(folder, CHANGES), **HASTE)
    with adopting():
        with servers.guarded():
            servers.start("mlflow")
            servers.start("airflow")
            yield servers
        wait_for_no_survivor([], 5)
    shutil.rmtree(folder)
