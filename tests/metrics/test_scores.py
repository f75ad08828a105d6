from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from stages.metrics.bss import FLOOR_DB
from stages.metrics.scores import CEILING_DB, METRICS, Mix, collect, evaluated, matched, score, score_mix
from stages.metrics.summary import Columns
from stages.shards.schema import MixSource
from tests.synth.learning import MemoryMedia
from tests.synth.signals import blocks, mix_rows, noise

READER: Any = MemoryMedia()


def halves(mix: Mix, sources: Tensor) -> dict[str, Tensor]:  # noqa: ARG001 (an Estimator)
    """A perfect estimator, the mixture, and one that is silent for source 0."""
    quiet = sources.clone()
    quiet[0] = 0
    return {"perfect": 0.5 * sources, "mixture": sources.mean(0).expand_as(sources), "mute": quiet}


def table(rows: list[MixSource], taps: int = 64) -> Columns:
    mixes = evaluated(rows)
    results = [(position, score_mix(mix, READER, halves, taps=taps)) for position, mix in enumerate(mixes)]
    return collect(reversed(results), total=len(mixes), label="test")


def test_all_but_validation_rows_are_grouped_by_mix_in_order() -> None:
    rows = [
        *mix_rows("b", ["0-1", "1-1"]),
        *mix_rows("c", ["2-1", "3-1"], "validation"),
        *mix_rows("a", ["0-2", "1-2"], "shifted"),
    ]
    mixes = evaluated(rows)
    assert [(mix.mix_id, [source.clip_id for source in mix.sources]) for mix in mixes] == [
        ("b", ["0-1", "1-1"]),
        ("a", ["0-2", "1-2"]),
    ]


def test_one_row_for_each_mix_source_and_estimator() -> None:
    columns = table([*mix_rows("m", ["0-1", "1-1"]), *mix_rows("n", ["0-2", "1-2", "2-2"])])
    keys = list(zip(columns["mix_id"], columns["source"], columns["estimator"], strict=True))
    assert len(keys) == len(set(keys)) == (2 + 3) * 3
    assert {len(values) for values in columns.values()} == {15}
    assert columns["mix_id"] == ["m"] * 6 + ["n"] * 9
    assert columns["video_id"][:2] == ["video-0-1", "video-1-1"]
    assert columns["label"][:2] == ["kind0", "kind1"]


def test_perfect_mixture_and_silence_are_where_they_must_be() -> None:
    columns = table(mix_rows("m", ["0-1", "1-1"]))
    rows = {key: r for r, key in enumerate(zip(columns["estimator"], columns["source"], strict=True))}
    for name in ("si_sdr", "sdr", "sar"):
        assert columns[name][rows["perfect", 0]] == CEILING_DB
        assert columns[name][rows["mute", 0]] == FLOOR_DB
    assert columns["si_sdri"][rows["mixture", 0]] == columns["si_sdri"][rows["mixture", 1]] == 0
    before = columns["si_sdr"][rows["mixture", 0]]
    assert columns["si_sdri"][rows["mute", 0]] == pytest.approx(FLOOR_DB - before)
    silent = [columns["estimator"][r] for r, flag in enumerate(columns["silent_estimate"]) if flag]
    assert silent == ["mute"]
    assert [columns["matched"][rows["perfect", source]] for source in (0, 1)] == [1, 1]
    assert [columns["matched"][rows["mixture", source]] for source in (0, 1)] == [0.5, 0.5]


def test_masks_of_other_thresholds_get_si_sdr_alone() -> None:
    def sweep(mix: Mix, sources: Tensor) -> dict[str, Tensor]:  # noqa: ARG001
        names = ("a", "a:threshold_0.4", "a:threshold_0.5", "a:swapped_vision")
        return dict.fromkeys(names, sources + 0.1 * sources.flip(0))

    (mix,) = evaluated(mix_rows("m", ["0-1", "1-1"]))
    columns = score_mix(mix, READER, sweep, taps=16)
    without = [name for name, sdr in zip(columns["estimator"], columns["sdr"], strict=True) if sdr is None]
    assert without == ["a:threshold_0.4"] * 2
    by_name = dict(zip(columns["estimator"], columns["si_sdr"], strict=True))
    assert by_name["a:threshold_0.4"] == by_name["a"] is not None


def test_a_sound_is_matched_when_its_own_picture_explains_it_best() -> None:
    # rows: sounds, columns: pictures
    crossed = np.array([[[9.0, 1, 1], [5, 4, 5], [2, 2, 2]], [[0, 3, 3], [1, 7, 7], [np.nan] * 3]])
    np.testing.assert_allclose(matched(crossed), [[1, 0, 1 / 3], [0, 1 / 2, np.nan]])


def test_ratios_are_finite_and_bounded_and_none_marks_a_silent_reference() -> None:
    sources = torch.from_numpy(np.stack([noise(1, 900, seed=1)[0], np.zeros(900)]))
    estimates = torch.stack([sources, torch.full_like(sources, torch.nan), sources[[1, 0]]])
    ratios = score(sources, estimates, taps=16)
    for name in METRICS:
        assert np.isnan(ratios[name][:, 1]).all()
        assert np.abs(ratios[name][:, 0]).max() <= 2 * CEILING_DB
    assert ratios["silent_estimate"].tolist() == [[0, 1], [1, 1], [1, 0]]


def test_gain_over_the_mixture_is_known_for_sources_apart_in_time() -> None:
    # The mixture holds the partner at equal energy (0 dB); an estimate that lets a tenth of it through is 20 dB better.
    sources = torch.from_numpy(blocks(2, length=400, gap_samples=32, seed=3))
    ratios = score(sources, (sources + 0.1 * sources.flip(0))[None], taps=32)
    assert ratios["si_sdr"][0] == pytest.approx([20, 20], abs=1e-5)
    assert ratios["si_sdri"][0] == pytest.approx([20, 20], abs=1e-5)
    assert ratios["sir"][0] == pytest.approx([20, 20], abs=1e-5)
