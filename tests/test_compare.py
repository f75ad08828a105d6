"""`python -m stages compare` as people call it."""

import json
import shutil
from pathlib import Path

import pytest
from typer.testing import CliRunner

from stages import layout
from stages.__main__ import app
from stages.shards.tables import write_columns
from tests.synth.signals import score_columns

PARAMS = Path("params.yaml").resolve()


@pytest.fixture(autouse=True)
def workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    shutil.copy(PARAMS, layout.PARAMS)
    parts = [score_columns("pixels", [5.0, 7.0, 6.0, 6.0]), score_columns("nmf_mfcc", [2.0, 4.0, 4.0, 2.0])]
    parts.append(score_columns("pixels", [1.0, 1.0], kind="same2"))
    write_columns(layout.SCORES, {name: [value for part in parts for value in part[name]] for name in parts[0]})


def called(*arguments: str) -> tuple[int, str]:
    result = CliRunner().invoke(app, ["compare", *arguments])
    return result.exit_code, result.stdout


def test_two_estimators_of_one_run() -> None:
    status, said = called("pixels", "nmf_mfcc", "--kind", "different2")
    assert status == 0
    lines = said.splitlines()
    assert lines[0] == "pixels minus nmf_mfcc, different2: 2 mixes, 4 sounds, 4 videos"
    assert lines[1].startswith("  SI-SDR +3.00 dB (+")
    assert lines[2].startswith("  SDR    +3.00 dB (+")


def test_one_model_of_two_runs_as_json() -> None:
    write_columns(Path("other.parquet"), score_columns("pixels", [4.0, 6.0, 5.0, 5.0]))
    tables = ("--scores", str(layout.SCORES), "--scores", "other.parquet")
    status, said = called("pixels", "pixels", *tables, "--kind", "different2", "--json")
    assert status == 0
    found = json.loads(said)
    assert (found["num_mixes"], found["kind"]) == (2, "different2")
    assert found["differences"]["sdr"]["mean_db"] == found["differences"]["sdr"]["low_db"] == 1


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("pixels", "nmf_mfcc"), "not the same mixes: 2 are common, 1 only the first's, 0 only the second's"),
        (("pixels", "motions"), "motions is not there; there are nmf_mfcc, pixels"),
        (("pixels", "pixels", "--scores", "none.parquet"), "none.parquet: not found"),
    ],
)
def test_what_cannot_be_compared_ends_with_status_1_and_a_reason(arguments: tuple[str, ...], message: str) -> None:
    status, said = called(*arguments)
    assert status == 1
    assert said.startswith(f"compare: {message}")
