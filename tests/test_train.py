"""The stage `train` on a small world: its files, and its indifference to labels."""

from pathlib import Path

import pytest

from stages import layout
from stages.networks.separation import load
from stages.shards.files import read_json, sha256
from stages.train import run
from stages.training.batches import TooFewClips
from tests.synth.learning import CLIP, MODEL, SPECTROGRAM, TRAIN_CLIPS, MemoryTracker, train_section, write_world


def _train(world: Path, monkeypatch: pytest.MonkeyPatch, **changes: object) -> dict[str, str]:
    monkeypatch.chdir(world)
    monkeypatch.setenv("PIXELS_STORE", str(world / ".store"))
    monkeypatch.setattr("stages.train.open_run", lambda **_: MemoryTracker())
    run("pixels", CLIP, SPECTROGRAM, MODEL, train_section(**changes))
    return {path.name: sha256(path) for path in sorted(layout.model("pixels").iterdir())}


def test_labels_change_no_bit_of_a_model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_world(tmp_path / "labelled")
    write_world(tmp_path / "bare", labels=False)
    files = _train(tmp_path / "labelled", monkeypatch)
    assert set(files) == {"weights.safetensors", "model.json", "curves.json", "training_videos.json"}
    assert load(layout.model("pixels")).model == MODEL
    (checkpoints,) = (tmp_path / "labelled/.store/train").iterdir()
    assert checkpoints.name == read_json(layout.model("pixels") / "model.json")["key"]
    seen = read_json(checkpoints / "training_videos.json")
    assert seen == read_json(layout.model("pixels") / "training_videos.json")
    assert seen["train"] == sorted(f"video-{clip}" for clip in TRAIN_CLIPS)
    assert seen["validation"] == ["video-0-2", "video-1-2", "video-2-2", "video-3-2"]
    assert _train(tmp_path / "bare", monkeypatch) == files


def test_too_few_videos_are_refused_before_anything_is_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_world(tmp_path, train_clips=("0-0", "0-1", "1-0"))
    with pytest.raises(TooFewClips, match=r"4 videos with sound .* found 3"):
        _train(tmp_path, monkeypatch, num_sources=4)
    assert not (tmp_path / ".store").exists()
