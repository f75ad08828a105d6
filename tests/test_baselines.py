from pathlib import Path

import pytest

from stages import baselines, layout
from stages.params import Evaluate
from stages.shards.files import read_json, sha256
from stages.shards.tables import read_columns
from tests.synth.learning import CLIP, SPECTROGRAM
from tests.synth.scored import EVALUATE, write_test_world


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("world")
    write_test_world(folder)
    return folder


@pytest.fixture(autouse=True)
def inside(world: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PIXELS_SERIAL", "1")
    monkeypatch.chdir(world)


def test_baselines_and_oracles_are_scored_in_their_order_of_quality() -> None:
    baselines.run(CLIP, SPECTROGRAM, EVALUATE)
    summary = read_json(layout.evaluation("baselines") / "metrics.json")
    gains = {name: kinds["different2"]["si_sdri"] for name, kinds in summary.items()}
    assert gains["mixture"] == 0
    assert abs(gains["constant_mask"]) < 0.01
    assert min(gains["ideal_binary_mask"], gains["ideal_ratio_mask"]) > 5
    assert min(gains["ideal_binary_mask_warped"], gains["ideal_ratio_mask_warped"]) > 3
    assert {kinds["different2"]["n"] for kinds in summary.values()} == {2}


def test_the_table_has_the_agreed_columns_and_a_rerun_gives_the_same_bytes() -> None:
    baselines.run(CLIP, SPECTROGRAM, EVALUATE)
    files = [layout.evaluation("baselines") / name for name in ("scores.parquet", "metrics.json")]
    before = [sha256(path) for path in files]
    assert list(read_columns(files[0])) == [
        *("mix_id", "kind", "source", "clip_id", "video_id", "label", "estimator"),
        *("si_sdri", "si_sdr", "sdr", "sir", "sar", "matched", "silent_estimate"),
    ]
    baselines.run(CLIP, SPECTROGRAM, EVALUATE)
    assert [sha256(path) for path in files] == before


def test_fewer_filter_taps_forgive_less() -> None:
    strict = Evaluate.model_validate(EVALUATE.model_dump() | {"filter_taps": 1})
    sdr: list[float] = []
    for settings in (strict, EVALUATE):
        baselines.run(CLIP, SPECTROGRAM, settings)
        summary = read_json(layout.evaluation("baselines") / "metrics.json")
        sdr.append(summary["ideal_binary_mask"]["different2"]["sdr"])
    assert sdr[0] < sdr[1]
