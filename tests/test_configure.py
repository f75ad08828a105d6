"""`configure` writes params.yaml when all of it is valid, and else leaves it as it was."""

import shutil
from pathlib import Path

import pytest

from stages import layout
from stages.configure import report
from stages.params import read

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture(autouse=True)
def workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    shutil.copy(ROOT / "params.yaml", tmp_path)
    shutil.copytree(ROOT / "presets", tmp_path / "presets")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_a_preset_then_its_models_then_single_values(capsys: pytest.CaptureFixture[str]) -> None:
    assert report(preset="motions", models=["motions"], changes=["train.steps=77"]) == 0
    params, preset = read(layout.PARAMS), read(Path("presets/motions.yaml"))
    assert (list(params.models), params.train.steps) == (["motions"], 77)
    assert params.flow == preset.flow
    assert len(preset.models) > 1
    assert "models: motions; 1 values changed" in capsys.readouterr().out


def test_without_a_preset_it_begins_with_what_stands_there() -> None:
    assert report(preset=None, models=[], changes=["mixes.seed=5"]) == 0
    assert report(preset=None, models=[], changes=["train.seed=6"]) == 0
    params = read(layout.PARAMS)
    assert (params.mixes.seed, params.train.seed) == (5, 6)


@pytest.mark.parametrize(
    ("preset", "models", "changes", "complaint"),
    [
        ("nowhere", [], [], "no preset 'nowhere'; there are: motions"),
        (None, ["nobody"], [], "no model nobody; these params have: pixels"),
        (None, [], ["train.steps=0"], "params.yaml: 1 wrong entries"),
        (None, [], ["+surprise=1"], "surprise"),
        (None, [], ["train.stepz=1"], "train.stepz"),
    ],
)
def test_what_is_wrong_is_said_and_nothing_is_written(
    preset: str | None, models: list[str], changes: list[str], complaint: str, capsys: pytest.CaptureFixture[str]
) -> None:
    before = layout.PARAMS.read_bytes()
    assert report(preset=preset, models=models, changes=changes) == 1
    assert complaint in capsys.readouterr().out
    assert layout.PARAMS.read_bytes() == before
