"""infra/run.py: the settings of every command, and what it says at the end."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from infra import environment
from infra.run import alone, duration, is_up_to_date, results, settings


def test_settings_silence_the_tools_and_put_the_environment_first() -> None:
    surroundings = settings({"PATH": "/usr/bin", "HOME": "/home/someone"})
    assert surroundings["HOME"] == "/home/someone"
    assert surroundings["PATH"].split(os.pathsep) == [str(environment.VENV / "bin"), "/usr/bin"]
    assert surroundings["DVC_NO_ANALYTICS"] == surroundings["DO_NOT_TRACK"] == "1"
    assert surroundings["RAY_USAGE_STATS_ENABLED"] == "0"
    assert surroundings["MLFLOW_DISABLE_TELEMETRY"] == "true"


@pytest.mark.parametrize(("status", "expected"), [("{}", True), ('{"index": [{"changed outs": {}}]}', False)])
def test_up_to_date_is_an_empty_status(status: str, expected: bool) -> None:
    assert is_up_to_date(status) is expected


@pytest.mark.parametrize(
    ("seconds", "text"), [(0.4, "0 s"), (59.4, "59 s"), (60.0, "1 min 0 s"), (3661.0, "61 min 1 s")]
)
def test_duration(seconds: float, text: str) -> None:
    assert duration(seconds) == text


def test_results_show_scores_paths_and_registered_versions(tmp_path: Path) -> None:
    (tmp_path / "reports/register").mkdir(parents=True)
    (tmp_path / "models/pixels").mkdir(parents=True)
    (tmp_path / "reports/table.txt").write_text("model   SI-SDRi\npixels  5.1\n")
    (tmp_path / "reports/metrics.json").write_text("{}")
    (tmp_path / "models/pixels/weights.safetensors").write_bytes(b"")
    receipt = {"model": "pixels", "version": "3", "alias": "candidate"}
    (tmp_path / "reports/register/pixels.json").write_text(json.dumps(receipt))
    said = results(tmp_path)
    assert said.splitlines() == [
        "model   SI-SDRi",
        "pixels  5.1",
        "",
        "results    reports/metrics.json",
        "models     models/pixels",
        "registered pixels version 3 alias candidate (pixels.json says more)",
    ]


def test_a_second_run_waits_for_the_first_and_says_so(tmp_path: Path) -> None:
    lines = (
        "from pathlib import Path; import sys; from infra.run import alone\nwith alone(Path(sys.argv[1])): print('in')"
    )
    command = [sys.executable, "-c", lines, str(tmp_path)]
    with alone(tmp_path):
        second = subprocess.Popen(
            command, cwd=environment.ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        assert second.stderr is not None and "waiting" in second.stderr.readline()
        with pytest.raises(subprocess.TimeoutExpired):
            second.wait(0.5)
    assert second.communicate(timeout=60)[0] == "in\n"
