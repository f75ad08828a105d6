"""A workspace in which one model is trained and scored, ready to be registered."""

import json
import shutil
from pathlib import Path
from typing import Any

import torch

from stages import layout
from stages.networks.separation import Separator, save
from stages.params import Gate, Register
from stages.separators import Section
from stages.shards.files import write_json
from stages.shards.flow_origin import FlowOrigin, write_origin
from stages.shards.schema import MixSource
from stages.shards.tables import read_rows, write_columns
from stages.training.export import new_separator
from tests.synth.learning import CLIP, MODEL, SPECTROGRAM, train_section
from tests.synth.scored import EVALUATE, write_test_world
from tests.synth.signals import score_columns

LICENCES: dict[str, Any] = {"licences": {"CC-BY-NC-4.0": 1, "MIT": 3}, "non_commercial": True}
LEFT_OUT: dict[str, Any] = {"left_out": {"still": 2, "dubbed": 0}}
GATE = Gate(
    kinds=("different2", "same2"),
    confidence=0.95,
    min_videos=4,
    effect_db=0.5,
    instrument_min_videos=8,
    instrument_loss_db=1.0,
    swap_kind="different2",
    min_swap_drop_db=1.0,
    max_silent_share=0.01,
    max_latency_ms=60_000.0,
    max_size_bytes=100_000_000,
)
SECTIONS: dict[str, Section] = {
    "clip": CLIP,
    "spectrogram": SPECTROGRAM,
    "model": MODEL,
    "train": train_section(),
    "evaluate": EVALUATE,
    "register": Register(examples=2, alias="candidate", gate=GATE),
}


def tiny_separator(seed: int = 1) -> Separator:
    """Untrained, its weights drawn from `seed`."""
    return new_separator(CLIP, SPECTROGRAM, MODEL, train_section(seed=seed), device=torch.device("cpu"))


def write_scored_world(root: Path) -> None:
    """Decoded clips, two test mixes and a model `pixels` with curves and scores under `root`."""
    write_test_world(root)
    write_model(root)
    write_scores(root, [1.0, 2.0, 1.5, 2.5])
    origin = FlowOrigin("pwcnet", "ab" * 32, "CC-BY-NC-SA-4.0", tool="torch 2", device="cpu")
    write_origin(root / layout.FLOW_ORIGIN, origin)
    write_json(root / layout.METRICS, metrics())
    (root / layout.LOCK).write_text("schema: '2.0'\n", encoding="utf-8")
    (root / layout.PARAMS).write_text(json.dumps({"train": {"seed": 1}}), encoding="utf-8")


def write_scores(root: Path, values_db: list[float | None], *, swapped_db: float = -9.0) -> None:
    """Scores of the two test mixes' four sources by the model, and with the partner's pictures."""
    own = score_columns("pixels", values_db)
    swapped = score_columns("pixels:swapped_vision", [swapped_db] * len(values_db))
    columns = {name: [*own[name], *swapped[name]] for name in own}
    mixed = [row for row in read_rows(root / layout.MIXES, MixSource) if row.split == "test"]
    for name in ("mix_id", "kind", "source", "clip_id", "video_id", "label"):
        columns[name] = [getattr(row, name) for row in mixed] * 2
    write_columns(root / layout.evaluation("pixels") / "scores.parquet", columns)


def write_model(root: Path, seed: int = 1) -> None:
    """The files of a trained model."""
    folder = root / layout.model("pixels")
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    save(tiny_separator(seed), folder, {"name": "pixels", "seed": seed, "steps": 6} | LICENCES | LEFT_OUT)
    history = [{"step": 3, "loss": 0.7, "si_sdr_db": None}, {"step": 6, "loss": 0.5, "si_sdr_db": 1.5}]
    write_json(folder / layout.TRAINING_VIDEOS, {"train": ["video-0-0", "video-1-0"], "validation": ["video-2-0"]})
    write_json(folder / "curves.json", {"validation": history, "bad_batches": 0})


def metrics() -> dict[str, Any]:
    """A reports/metrics.json."""
    return {
        "pixels": {"different2": {"si_sdri": 3.25, "sar": None, "n": 2}},
        "other": {"different2": {"si_sdri": 9.0, "n": 2}},
        "controls": {"pixels": {"swapped_vision_si_sdri": -4.0}},
        "baselines": {"ideal_binary:warped": {"different2": {"si_sdri": 11.0}}},
        "counts": {"mixes": 2},
    }
