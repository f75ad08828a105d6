"""`python -m stages gc`: what it prints is what it does."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from stages.gc import report
from tests.synth.stores import work

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PIXELS_STORE", str(tmp_path / "store"))
    return tmp_path / "store"


def test_the_table_says_what_would_go_and_the_json_what_went(store: Path, capsys: pytest.CaptureFixture[str]) -> None:
    old, young = work(store, "decode", {"n": 1}, age_days=8), work(store, "decode", {"n": 2})
    assert report(keep_days=7, dry_run=True, as_json=False) == 0
    said = capsys.readouterr().out
    assert "to remove" in said and "would free" in said and "not used for 7 days" in said
    assert report(keep_days=7, dry_run=False, as_json=True) == 0
    (room,) = json.loads(capsys.readouterr().out)["rooms"]
    assert room["removed"] == [f"decode/{old.name}"]
    assert (room["kept"], room["busy"]) == (1, False)
    assert room["freed_bytes"] >= 1000
    assert young.exists() and not old.exists()


def test_as_a_command_it_loads_nothing_slow(store: Path) -> None:
    work(store, "decode", {}, age_days=8)
    code = "import sys, stages.gc; print(*({'torch', 'mlflow', 'ray', 'pyarrow'} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.split() == []
    command = [sys.executable, "-m", "stages", "gc", "--keep-days", "7", "--json"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    assert len(json.loads(done.stdout)["rooms"][0]["removed"]) == 1
