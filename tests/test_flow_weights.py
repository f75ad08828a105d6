"""The command `flow-weights`."""

from dataclasses import replace
from pathlib import Path

import pytest

from stages.flow_weights import LICENCE, Wishes, teach
from stages.motion.weights import load
from stages.shards.files import read_json
from stages.teaching.checkpoint import found
from stages.teaching.recipe import RECIPES

TINY = replace(RECIPES["lite"], scenes=1, side_px=64, textures=10, validation_scenes=1)
MINUTES = 0.02


@pytest.fixture(autouse=True)
def small_and_offline(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:9")  # nobody: metrics stay in the spool
    monkeypatch.setenv("PIXELS_STORE", str(tmp_path / "store"))
    monkeypatch.setitem(RECIPES, "lite", TINY)


def wishes(minutes: float, start: Path | None = None) -> Wishes:
    return Wishes(minutes=minutes, until=None, frames=None, start=start)


def steps_of(folder: Path) -> int:
    return int(found(folder)[-1].name.split("-")[1])


def test_it_teaches_and_goes_on(tmp_path: Path) -> None:
    steps: list[int] = []
    for _ in range(2):
        assert teach("lite", tmp_path / "run", wishes(MINUTES)) == 0
        steps.append(steps_of(tmp_path / "run"))
    assert 0 < steps[0] < steps[1]
    net = load("lite", tmp_path / "run/lite.safetensors")
    assert net.origin is not None and net.origin.licence == LICENCE
    story = read_json(tmp_path / "run/lite.json")
    assert story["sha256"] == net.origin.sha256
    assert (story["progress"]["step"], story["made_up_pairs"], story["unlabelled_pairs"]) == (steps[1], 2 * steps[1], 0)
    assert list((tmp_path / "store/spool").rglob("*.jsonl"))


def test_it_goes_on_from_weights_of_another_machine(tmp_path: Path) -> None:
    teach("lite", tmp_path / "here", wishes(MINUTES))
    weights, before = tmp_path / "here/lite.safetensors", steps_of(tmp_path / "here")
    assert teach("lite", tmp_path / "there", wishes(0, start=weights)) == 0
    assert steps_of(tmp_path / "there") == before
    assert (tmp_path / "there/lite.safetensors").read_bytes() == weights.read_bytes()
    assert teach("lite", tmp_path / "there", wishes(MINUTES, start=weights)) == 0
    assert steps_of(tmp_path / "there") > before


def test_the_large_network_grows_out_of_the_small_one_and_not_the_other_way(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(RECIPES, "default", TINY)
    teach("lite", tmp_path / "small", wishes(MINUTES))
    small, large = tmp_path / "small/lite.safetensors", tmp_path / "large/default.safetensors"
    assert teach("default", tmp_path / "large", wishes(0, start=small)) == 0
    assert steps_of(tmp_path / "large") == steps_of(tmp_path / "small")
    told = [read_json(path.with_suffix(".json")) for path in (small, large)]
    assert told[1]["preset"] == "default" and told[1]["progress"]["grown_from"] == told[0]["sha256"]
    assert (told[0]["preset"], told[0]["progress"]["grown_from"]) == ("lite", None)
    assert teach("lite", tmp_path / "back", wishes(0, start=large)) == 1
    assert "lite can't grow" in capsys.readouterr().err


def test_weights_that_are_not_those_of_the_story_are_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    teach("lite", tmp_path / "here", wishes(0))
    weights = tmp_path / "here/lite.safetensors"
    weights.write_bytes(weights.read_bytes()[:-4] + b"\0\0\0\1")
    assert teach("lite", tmp_path / "there", wishes(0, start=weights)) == 1
    assert "the file is damaged or another one" in capsys.readouterr().err


def test_an_unknown_preset_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert teach("huge", tmp_path / "run", wishes(1)) == 1
    assert "no preset huge" in capsys.readouterr().err
    assert not (tmp_path / "run").exists()
