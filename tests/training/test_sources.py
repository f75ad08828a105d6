"""What phases draw from, and what of it names a run."""

from typing import Any

import pytest

from stages.curricula import Phase, Pretrain, Rule
from stages.shards.schema import DecodedClip
from stages.training.batches import training_clips
from stages.training.curriculum import NothingToDraw
from stages.training.kinds import Kinds
from stages.training.phases import legs_of
from stages.training.sources import Sources, sources_of
from tests.synth.learning import decoded, phase, pretrain_section

UNTAUGHT = Pretrain.model_validate(pretrain_section("none", 1))
FIXED = (("0-7", "1-7"), ("0-8", "1-8"), ("0-7", "1-8"))
ALIKE: dict[Rule, float] = {"same_instrument": 1.0}
KINDS = Kinds((0, 0, 0, 1, 1, 1), (0, 0, 0, 1, 1))


def _rows(**changes: Any) -> list[DecodedClip]:
    train = [decoded(f"{kind}-{seed}", **changes) for kind in range(2) for seed in range(3)]
    numbers = [(0, 7), (0, 8), (0, 9), (1, 7), (1, 8)]
    return train + [decoded(f"{kind}-{seed}", "validation", **changes) for kind, seed in numbers]


def _sources(rows: list[DecodedClip]) -> Sources:
    return sources_of(rows, training_clips(rows, 2, sampling="videos"), FIXED)


def _identity(rows: list[DecodedClip], *phases: Phase, instruments: Any = "look") -> dict[str, Any]:
    return _sources(rows).identity(legs_of(phases, UNTAUGHT)[-1], instruments)


def test_validation_has_the_sounding_clips_of_its_split() -> None:
    rows = [*_rows(), decoded("3-0", "validation", rms_db=-95.0), decoded("3-1", "test")]
    found = [clip.clip_id for clips in _sources(rows).validation.by_video for clip in clips]
    assert found == ["0-7", "0-8", "0-9", "1-7", "1-8"]


def test_each_rule_is_validated_by_itself() -> None:
    sources = _sources(_rows()).of_kinds(KINDS)
    mixed = phase(rules={"any": 0.5, "same_instrument": 0.5})
    found = sources.validation_mixes(mixed, seed=3)
    assert found["any"] == FIXED
    drawn = {frozenset(ids) for ids in found["same_instrument"]}
    assert len(drawn) == len(found["same_instrument"]) == 3  # as many as the fixed ones
    possible = [{"0-7", "0-8"}, {"0-7", "0-9"}, {"0-8", "0-9"}, {"1-7", "1-8"}]
    assert all(any(ids <= pair for pair in possible) for ids in drawn)
    assert sources.validation_mixes(mixed, seed=3) == found
    assert sources.validation_mixes(mixed, seed=4) != found


def test_a_rule_that_finds_nothing_to_validate_on_is_said_and_left_out(capsys: pytest.CaptureFixture[str]) -> None:
    sources = _sources(_rows())
    both = phase(rules={"any": 0.5, "same_video": 0.5})
    assert sources.validation_mixes(both, seed=1) == {"any": FIXED}
    assert "phase S1: rule same_video: no video has 2 windows" in capsys.readouterr().out
    assert sources.validation_mixes(phase(rules={"same_video": 1.0}), seed=1) == {"any": FIXED}


def test_what_a_later_phase_will_lack_is_said_beforehand_unless_looks_decide() -> None:
    alone = [decoded(f"{kind}-0", split="train") for kind in range(3)]
    sources = _sources(alone)
    late = (phase(), phase(name="S2", rules=ALIKE))
    sources.check_beforehand(late, "look")
    with pytest.raises(NothingToDraw, match=r"phase S2: rule same_instrument: 2 videos .* of one kind, found 1"):
        sources.check_beforehand(late, "labels")
    with pytest.raises(NothingToDraw, match="phase S3: rule same_video"):
        sources.check_beforehand((*late, phase(name="S3", rules={"same_video": 1.0})), "look")


def test_labels_name_a_run_only_where_they_are_asked_for() -> None:
    rows, bare, alike = _rows(), _rows(label=None), phase(rules=ALIKE)
    assert _identity(rows, phase(), instruments="labels") == {}
    assert _identity(rows, alike) == _identity(bare, alike)
    assert _identity(rows, alike, instruments="labels") != _identity(bare, alike, instruments="labels")
    windows = phase(rules={"same_video": 1.0})
    assert _identity(rows, windows, instruments="labels") == _identity(bare, windows, instruments="labels")


def test_windows_and_videos_name_a_run_that_draws_by_them() -> None:
    rows = _rows()
    moved = [decoded("0-0", start_sample=5), *rows[1:]]
    assert _identity(rows, phase()) == _identity(moved, phase())
    for rules in (ALIKE, {"same_video": 1.0}):
        assert _identity(rows, phase(), phase(name="S2", rules=rules)) != _identity(
            moved, phase(), phase(name="S2", rules=rules)
        )


def test_all_that_may_choose_weights_is_named() -> None:
    sources = _sources(_rows())
    assert sources.chosen_by([phase()]) == FIXED
    chosen = {clip_id for group in sources.chosen_by([phase(), phase(name="S2", rules=ALIKE)]) for clip_id in group}
    assert chosen == {"0-7", "0-8", "0-9", "1-7", "1-8"}
