"""The stage `train` on a small world: its files, and its indifference to labels."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from stages import layout
from stages.networks.separation import load
from stages.shards.files import read_json, sha256
from stages.shards.flags import ClipCoincidence
from stages.shards.tables import read_rows, write_rows
from stages.train import run
from stages.training.batches import Batch, Batches, TooFewClips
from stages.training.checkpoint import Checkpoints
from stages.training.curriculum import NothingToDraw
from stages.training.loop import TrainingError
from stages.training.ranks import Ranks
from tests.synth.learning import (
    CLIP,
    MODEL,
    SPECTROGRAM,
    TRAIN_CLIPS,
    MemoryTracker,
    phase,
    train_section,
    write_world,
)


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


def test_nor_do_they_where_what_looks_alike_is_mixed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Kinds are the model's own; all that may choose its weights counts as seen."""
    phases = [phase(steps=3), phase(name="S2", rules={"any": 0.5, "same_instrument": 0.5}, steps=3)]
    write_world(tmp_path / "labelled")
    write_world(tmp_path / "bare", labels=False)
    files = _train(tmp_path / "labelled", monkeypatch, phases=phases)
    seen = read_json(layout.model("pixels") / "training_videos.json")
    assert [entry["phase"] for entry in read_json(layout.model("pixels") / "curves.json")["validation"]] == ["S1", "S2"]
    assert _train(tmp_path / "bare", monkeypatch, phases=phases) == files
    assert seen["validation"] == ["video-0-2", "video-1-2", "video-2-2", "video-3-2"]
    with pytest.raises(NothingToDraw, match=r"phase S2: rule same_instrument: 2 videos .* of one kind, found 1"):
        _train(tmp_path / "bare", monkeypatch, phases=phases, instruments="labels")


def test_phases_of_other_models_and_those_left_out_cost_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_world(tmp_path)
    files = _train(tmp_path, monkeypatch)
    curriculum = {"pixels": [phase(), phase(name="S2", steps=0)], "motions": [phase(steps=99)]}
    assert _train(tmp_path, monkeypatch, curriculum=curriculum) == files
    assert len(list((tmp_path / ".store/train").iterdir())) == 1


def test_flagged_clips_are_left_out_said_and_counted_on_the_card(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    write_world(tmp_path)
    rows = read_rows(tmp_path / layout.COINCIDENCE, ClipCoincidence)
    flags = {"0-0": {"still": True}, "1-0": {"dubbed": True}, "0-2": {"still": True}}  # 0-2 validates
    write_rows(
        tmp_path / layout.COINCIDENCE, [replace(row, **flags.get(row.clip_id, {})) for row in rows], ClipCoincidence
    )
    _train(tmp_path, monkeypatch)
    card = read_json(layout.model("pixels") / "model.json")
    assert (card["left_out"], card["clips"]) == ({"still": 1}, len(TRAIN_CLIPS) - 1)
    assert "video-0-0" not in read_json(layout.model("pixels") / "training_videos.json")["train"]
    assert "train pixels: clips left out by their flags: still 1\n" in capsys.readouterr().out
    _train(tmp_path, monkeypatch, leave_out=["still", "dubbed"])
    assert read_json(layout.model("pixels") / "model.json")["left_out"] == {"still": 1, "dubbed": 1}
    _train(tmp_path, monkeypatch, leave_out=[])
    card = read_json(layout.model("pixels") / "model.json")
    assert (card["left_out"], card["clips"]) == ({}, len(TRAIN_CLIPS))
    assert len(list((tmp_path / ".store/train").iterdir())) == 3


def test_a_batch_that_is_not_a_number_is_skipped_and_counted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_world(tmp_path)
    sound = Batches.at

    def poisoned(batches: Batches, step: int, ranks: Ranks) -> Batch:
        batch = sound(batches, step, ranks)
        return replace(batch, sources=batch.sources * torch.nan) if step == 2 else batch

    monkeypatch.setattr(Batches, "at", poisoned)
    _train(tmp_path, monkeypatch)
    curves = read_json(layout.model("pixels") / "curves.json")
    assert curves["bad_batches"] == 1
    weights = load(layout.model("pixels")).net.state_dict().values()
    assert all(value.isfinite().all() for value in weights)


def test_a_training_that_is_lost_ends_and_keeps_its_last_good_checkpoint(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A rate at which the first update already overflows every layer."""
    write_world(tmp_path)
    optimizer = train_section().optimizer.model_dump() | {"warmup_steps": 0}
    too_fast = {"rate": 1e30, "appearance_rate": 1e30, "optimizer": optimizer}
    with pytest.raises(TrainingError, match=r"not finite in 3 batches in a row .* lower the rate of phase S1"):
        _train(tmp_path, monkeypatch, **too_fast, checkpoint_every_steps=1)
    assert not layout.model("pixels").exists()
    (folder,) = (tmp_path / ".store/train").iterdir()
    steps = Checkpoints(folder).steps()
    assert steps and all(value.isfinite().all() for value in Checkpoints(folder).weights(steps[-1]).values())


def test_too_few_videos_are_refused_before_anything_is_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_world(tmp_path, train_clips=("0-0", "0-1", "1-0"))
    with pytest.raises(TooFewClips, match=r"4 videos with sound .* found 3"):
        _train(tmp_path, monkeypatch, num_sources=4)
    assert not (tmp_path / ".store").exists()
