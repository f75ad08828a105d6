"""Validation scores."""

from typing import Any

import pytest
import torch

from stages.audio.mixing import mix
from stages.metrics.bss import si_sdr
from stages.shards.schema import MixSource, Split
from stages.training.interrupt import Stop
from stages.training.validation import mean_over_rules, mean_si_sdr, read_mixes, validation_mixes
from tests.synth.learning import MODEL, NUM_SAMPLES, MemoryMedia, new_learner, train_section


def _row(mix_id: str, source: int, clip_id: str, split: Split = "validation") -> MixSource:
    return MixSource(mix_id, "different2", split, source, clip_id, f"video-{clip_id}", None)


def test_mixes_of_the_validation_split_keep_the_order_of_their_sources() -> None:
    rows = [_row("b", 1, "y"), _row("a", 0, "u"), _row("b", 0, "x"), _row("c", 0, "z", "test"), _row("a", 1, "v")]
    assert validation_mixes(rows) == (("u", "v"), ("x", "y"))


def test_an_undecided_separator_scores_as_the_mixture_itself() -> None:
    separator = new_learner(train_section()).separator
    with torch.no_grad():
        separator.net.synthesizer.scale.zero_()
    mixes = read_mixes(MemoryMedia(), [("0-0", "1-0"), ("2-0", "3-0")], MODEL.appearance, NUM_SAMPLES)
    expected = torch.cat([si_sdr(m.sources, mix(m.sources).expand(2, -1)) for m in mixes]).mean().item()
    assert mean_si_sdr(separator, mixes, Stop()) == pytest.approx(expected, abs=0.05)


def test_a_silent_reference_is_left_out_and_nothing_to_score_gives_none() -> None:
    separator = new_learner(train_section()).separator
    (pair,) = read_mixes(MemoryMedia(), [("0-0", "1-0")], MODEL.appearance, NUM_SAMPLES)
    pair.sources[1] = 0
    assert mean_si_sdr(separator, [pair], Stop()) is not None
    pair.sources[0] = 0
    assert mean_si_sdr(separator, [pair], Stop()) is None
    assert mean_si_sdr(separator, [], Stop()) is None


def test_several_rules_count_alike_however_many_mixes_each_has(monkeypatch: pytest.MonkeyPatch) -> None:
    means = {1: 2.0, 3: 6.0, 0: None}
    monkeypatch.setattr("stages.training.validation.mean_si_sdr", lambda _net, mixes, _stop: means[len(mixes)])
    separator, one = new_learner(train_section()).separator, object()
    mixes: dict[Any, Any] = {"any": [one], "same_instrument": [one] * 3, "same_video": []}
    assert mean_over_rules(separator, mixes, Stop()) == 4.0
    assert mean_over_rules(separator, {"same_video": []}, Stop()) is None
