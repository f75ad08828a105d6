"""`python -m stages disk`: its exit status follows the marks, and it says what to free."""

import json
import shutil
from pathlib import Path

import pytest
from typer.testing import CliRunner

from stages.__main__ import app


@pytest.fixture
def share(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> float:
    """How full the disk of the test is."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{tmp_path / 'mlflow.db'}")
    monkeypatch.setenv("PIXELS_STORE", str(tmp_path / "store"))
    monkeypatch.setenv("PIXELS_RUNS", str(tmp_path / "runs"))
    (tmp_path / "store").mkdir()
    (tmp_path / "store" / "big.bin").write_bytes(bytes(20_000_000))
    usage = shutil.disk_usage(tmp_path)
    return usage.used / (usage.used + usage.free)


@pytest.mark.parametrize(("low", "high", "status"), [(1, 1, 0), (0.5, 1, 3), (0.3, 0.5, 4)])
def test_marks_around_the_disk(share: float, low: float, high: float, status: int) -> None:
    marks = [str(mark if mark == 1 else share * mark) for mark in (low, high)]
    result = CliRunner().invoke(app, ["disk", "--json", "--low", marks[0], "--high", marks[1]])
    assert result.exit_code == status, result.output
    (disk, *_) = json.loads(result.stdout)["disks"]
    assert {"store", "worktrees of runs", "MLflow's artifacts"} <= disk["places"].keys()
    assert ("store 0.02 GB: `python -m stages gc`" in result.stderr) == (status > 0)


def test_marks_that_make_no_sense_are_refused(share: float) -> None:
    result = CliRunner().invoke(app, ["disk", "--low", str(share), "--high", "0"])
    assert (result.exit_code, "expected 0 < low <= high <= 1" in result.stderr) == (2, True)
