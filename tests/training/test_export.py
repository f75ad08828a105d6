"""What becomes a model's files."""

from pathlib import Path

import torch

from stages.networks.separation import load
from stages.shards.files import read_json
from stages.training.checkpoint import TrainingState, Validation
from stages.training.export import export
from tests.synth.learning import CLIP, MODEL, SPECTROGRAM, new_course, train_section

SEEN: Validation = {"phase": "S1", "step": 1, "loss": 0.5, "si_sdr_db": 4.5}


def test_the_best_weights_are_exported_not_the_last(tmp_path: Path) -> None:
    course = new_course(train_section(mask="ratio"), tmp_path / "checkpoints")
    net = course.learner.separator.net
    state = TrainingState(step=1, best_step=1, best_si_sdr_db=4.5, history=[SEEN])
    course.checkpoints.save(course.learner, state)
    best = {name: value.clone() for name, value in net.state_dict().items()}
    course.learner.learn(course.batches.at(1), 1)
    state.step = 2
    course.checkpoints.save(course.learner, state)
    export(course.learner.separator, course.checkpoints, state, tmp_path / "model", card={"name": "pixels", "seed": 1})
    found = load(tmp_path / "model")
    assert all(torch.equal(best[name], value) for name, value in found.net.state_dict().items())
    assert (found.clip, found.spectrogram, found.model, found.target) == (CLIP, SPECTROGRAM, MODEL, "ratio")
    card = read_json(tmp_path / "model/model.json")
    assert (card["name"], card["seed"], card["steps"], card["best_step"], card["validation_si_sdr_db"]) == (
        "pixels",
        1,
        2,
        1,
        4.5,
    )
    assert read_json(tmp_path / "model/curves.json") == {"validation": state.history, "bad_batches": 0}


def test_without_validation_the_last_weights_are_exported(tmp_path: Path) -> None:
    course = new_course(train_section(), tmp_path / "checkpoints")
    state = TrainingState(step=3)
    course.checkpoints.save(course.learner, state)
    export(course.learner.separator, course.checkpoints, state, tmp_path / "model", card={})
    assert read_json(tmp_path / "model/model.json")["best_step"] == 3
