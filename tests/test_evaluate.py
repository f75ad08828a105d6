from pathlib import Path

import pytest
import torch

from stages import evaluate, layout
from stages.networks.separation import Separator, save
from stages.networks.separator import PixelsSeparator
from stages.shards.files import read_json, sha256
from stages.shards.tables import read_columns
from tests.synth.learning import CLIP, MODEL, SPECTROGRAM
from tests.synth.scored import EVALUATE, write_test_world


@pytest.fixture(autouse=True)
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PIXELS_SERIAL", "1")
    monkeypatch.chdir(tmp_path)
    write_test_world(tmp_path)


def save_separator(*, bias: float = 0.0) -> None:
    """An untrained model `pixels` whose masks a large negative bias shuts."""
    torch.manual_seed(1)
    net = PixelsSeparator(MODEL)
    if bias:
        with torch.no_grad():
            net.synthesizer.bias.fill_(bias)
    folder = layout.model("pixels")
    folder.mkdir(parents=True, exist_ok=True)
    save(Separator(net, MODEL, CLIP, SPECTROGRAM, "binary"), folder, {"name": "pixels"})


def test_model_and_control_are_scored_and_a_rerun_gives_the_same_bytes() -> None:
    save_separator()
    evaluate.run("pixels", CLIP, SPECTROGRAM, MODEL, EVALUATE)
    files = [layout.evaluation("pixels") / name for name in ("scores.parquet", "metrics.json")]
    columns, before = read_columns(files[0]), [sha256(path) for path in files]
    controls = ["pixels:swapped_vision", "pixels:zero_appearance", "pixels:mean_appearance", "pixels:threshold_0.5"]
    full = dict.fromkeys(n for n, sdr in zip(columns["estimator"], columns["sdr"], strict=True) if sdr is not None)
    assert list(full) == ["pixels", *controls]
    assert list(dict.fromkeys(columns["mix_id"])) == ["mix0", "mix1"]
    pairs = zip(columns["estimator"], columns["silent_estimate"], strict=True)
    assert not any(silent for name, silent in pairs if name in full)
    evaluate.run("pixels", CLIP, SPECTROGRAM, MODEL, EVALUATE)
    assert [sha256(path) for path in files] == before


def test_a_collapsed_model_is_counted_not_dropped() -> None:
    save_separator(bias=-1e4)
    evaluate.run("pixels", CLIP, SPECTROGRAM, MODEL, EVALUATE)
    summary = read_json(layout.evaluation("pixels") / "metrics.json")["pixels"]["different2"]
    assert (summary["n_rows"], summary["silent_estimates"]) == (4, 4)
    assert summary["si_sdr"] == summary["sdr"] == -100


def test_a_model_of_another_geometry_is_refused_with_the_command_to_run() -> None:
    save_separator()
    other = SPECTROGRAM.model_copy(update={"hop_samples": 64})
    with pytest.raises(ValueError, match=r"trained with another spectrogram .*dvc repro train@pixels"):
        evaluate.run("pixels", CLIP, other, MODEL, EVALUATE)
