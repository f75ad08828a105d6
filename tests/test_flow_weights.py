"""The command `flow-weights`."""

from dataclasses import replace
from pathlib import Path

import pytest

from stages import flow_weights
from stages.flow_weights import LICENCE, teach
from stages.motion.weights import load
from stages.shards.files import read_json
from stages.teaching.checkpoint import found
from stages.teaching.recipe import RECIPES

TINY = replace(RECIPES["lite"], scenes=1, side_px=64, textures=10, validation_scenes=1)


def test_it_teaches_and_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:9")  # nobody: metrics stay in the spool
    monkeypatch.setenv("PIXELS_STORE", str(tmp_path / "store"))
    monkeypatch.setitem(RECIPES, "lite", TINY)
    steps: list[int] = []
    for _ in range(2):
        assert teach("lite", tmp_path / "run", minutes=0.02, frames=None, device="cpu") == 0
        steps.append(int(found(tmp_path / "run")[-1].name.split("-")[1]))
    assert 0 < steps[0] < steps[1]
    net = load("lite", tmp_path / "run/lite.safetensors")
    assert net.origin is not None and net.origin.licence == LICENCE
    story = read_json(tmp_path / "run/lite.json")
    assert story["sha256"] == net.origin.sha256
    assert (story["steps"], story["made_up_pairs"], story["unlabelled_pairs"]) == (steps[1], 2 * steps[1], 0)
    assert list((tmp_path / "store/spool").rglob("*.jsonl"))


@pytest.mark.parametrize("preset, device, said", [("huge", "cpu", "no preset huge"), ("lite", "cuda", "finds no GPU")])
def test_what_cannot_be_taught_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], preset: str, device: str, said: str
) -> None:
    if device == "cuda" and flow_weights.torch.cuda.is_available():
        pytest.skip("there is a GPU")
    assert teach(preset, tmp_path / "run", minutes=1, frames=None, device=device) == 1
    assert said in capsys.readouterr().err
    assert not (tmp_path / "run").exists()
