"""Volumes that are kept with checkpoints, and what model.json tells of them."""

from pathlib import Path
from typing import Any

import pytest
import torch

from stages.metrics.volumes import volumes
from stages.training.interrupt import Stop
from stages.training.watching import UNTRAINED, Watch
from tests.synth.learning import MemoryTracker, legs_in, new_training, train_section, watched_mixes

PHASES = [
    {"name": name, "rules": {"any": 1.0}, "num_sources": 2, "steps": steps, "rate": 5e-3, "appearance_rate": 5e-3}
    | {"decay_steps": []}
    for name, steps in (("S1", 3), ("S2", 3))
]


def _train(folder: Path, stop: Stop) -> tuple[Any, Any]:
    training = new_training(train_section(curriculum={"pixels": PHASES}))
    return training, training.complete("tiny", legs_in(training.train, folder), stop)


def test_every_phase_is_looked_at_with_the_weights_that_it_hands_on(tmp_path: Path) -> None:
    training, reached = _train(tmp_path, Stop())
    seen = reached.seen
    assert [(one["phase"], one["step"]) for one in seen[:1]] == [(UNTRAINED, 0)]
    assert [one["phase"] for one in seen[1:]] == ["S1", "S2"]
    (mix,) = training.watch.mixes
    training.separator.net.load_state_dict(reached.checkpoints.weights(reached.state.best_step))
    found = volumes(training.separator, mix.mixture, mix.frames, None, bf16=False)
    assert torch.equal(torch.tensor(seen[-1]["volumes"][0]), found)
    untrained = new_training(training.train)
    assert untrained.watch.look(untrained.separator, UNTRAINED, 0, Stop()) == seen[0]
    assert seen[0]["volumes"] != seen[1]["volumes"] != seen[2]["volumes"]
    card = training.watch.card(seen)
    assert [clip["clip_id"] for clip in card[2]["clips"]] == ["0-7", "1-7"]
    mean = sum(clip["own"] for clip in card[2]["clips"]) / 2
    tracker = training.tracker.phases["S2"]
    assert (seen[2]["step"], {"phase_agreement": pytest.approx(mean)}) in tracker.logged


def test_a_finished_run_tells_the_same_again_and_other_maps_need_no_training(tmp_path: Path) -> None:
    _, first = _train(tmp_path, Stop())
    training, again = _train(tmp_path, Stop())
    assert again.seen == first.seen
    assert any("phase_agreement" in metrics for _, metrics in training.tracker.phases["S1"].logged)
    (mix,) = watched_mixes()
    turned = Watch([type(mix)(mix.clips, mix.mixture, mix.frames, mix.motion, mix.ranks.flip(0))], bf16=False)
    own = [clip["own"] for clip in training.watch.card(again.seen)[2]["clips"]]
    assert [clip["other"] for clip in turned.card(again.seen)[2]["clips"]] == own


def test_who_is_asked_to_stop_does_not_look_to_the_end() -> None:
    training, stop = new_training(train_section()), Stop()
    stop.request(15, None)
    with pytest.raises(SystemExit):
        training.watch.look(training.separator, UNTRAINED, 0, stop)


def test_where_nothing_can_be_said_nothing_is_logged() -> None:
    training, tracker = new_training(train_section()), MemoryTracker()
    flat = {"phase": "S1", "step": 3, "volumes": [[[[1.0, 1.0], [1.0, 1.0]]] * 2]}
    training.watch.tell(tracker, flat)
    assert tracker.logged == []
