"""A workspace in which one model is trained and scored, ready to be registered."""

import json
import shutil
from pathlib import Path
from typing import Any

import torch

from stages import layout
from stages.networks.separation import Separator, save
from stages.params import Register, Section
from stages.shards.files import write_json
from stages.shards.flow_origin import FlowOrigin, write_origin
from stages.shards.tables import write_columns
from stages.training.export import new_separator
from tests.synth.learning import CLIP, MODEL, SPECTROGRAM, train_section
from tests.synth.scored import EVALUATE, write_test_world

LICENCES: dict[str, Any] = {"licences": {"CC-BY-NC-4.0": 1, "MIT": 3}, "non_commercial": True}
SECTIONS: dict[str, Section] = {
    "clip": CLIP,
    "spectrogram": SPECTROGRAM,
    "model": MODEL,
    "train": train_section(),
    "evaluate": EVALUATE,
    "register": Register(examples=2, alias="candidate"),
}


def tiny_separator(seed: int = 1) -> Separator:
    """Untrained, its weights drawn from `seed`."""
    return new_separator(CLIP, SPECTROGRAM, MODEL, train_section(seed=seed), device=torch.device("cpu"))


def write_scored_world(root: Path) -> None:
    """Decoded clips, two test mixes and a model `pixels` with curves and scores under `root`."""
    write_test_world(root)
    write_model(root)
    folder = root / layout.evaluation("pixels")
    folder.mkdir(parents=True)
    write_columns(folder / "scores.parquet", {"mix_id": ["mix0", "mix1"], "si_sdr": [1.0, 2.0]})
    origin = FlowOrigin("pwcnet", "ab" * 32, "CC-BY-NC-SA-4.0", tool="torch 2", device="cpu")
    write_origin(root / layout.FLOW_ORIGIN, origin)
    write_json(root / layout.METRICS, metrics())
    (root / layout.LOCK).write_text("schema: '2.0'\n", encoding="utf-8")
    (root / layout.PARAMS).write_text(json.dumps({"train": {"seed": 1}}), encoding="utf-8")


def write_model(root: Path, seed: int = 1) -> None:
    """The files of a trained model."""
    folder = root / layout.model("pixels")
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    save(tiny_separator(seed), folder, {"name": "pixels", "seed": seed, "steps": 6} | LICENCES)
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
