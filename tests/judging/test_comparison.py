import numpy as np
import pytest

from stages.judging.comparison import ALL, Side, hold_together
from stages.metrics.pairing import PairingError
from stages.metrics.summary import select
from tests.synth.contests import design, scored

WORLD = design(seed=1)
BASE = np.random.default_rng(2).normal(3, 6, len(WORLD.rows["mix_id"]))


def side(label: str, values_db: np.ndarray, **facts: dict[str, str]) -> Side:
    return Side(label, scored(WORLD.rows, values_db), facts.get("params", {}), facts.get("tags", {}))


def test_kinds_have_their_own_differences_and_all_of_them_together_one() -> None:
    kinds = np.array(WORLD.rows["kind"])
    gain = np.where(kinds == "same2", -1.0, 2.0) + WORLD.draw(3, of_video_db=0.2, of_mix_db=0.2, of_row_db=0.1)
    found = hold_together(side("new", BASE + gain), side("old", BASE), num_apart=0)
    by_kind = {row.kind: row for row in found.kinds}
    assert set(by_kind) == {ALL, *kinds}
    assert found.kinds[0].kind == ALL
    for kind, row in by_kind.items():
        chosen = kinds == kind if kind != ALL else np.full(len(kinds), True)
        assert row.difference_db == pytest.approx(gain[chosen].mean())
        assert row.first_db - row.second_db == pytest.approx(row.difference_db)
        assert row.low_db is not None and row.high_db is not None
        assert row.low_db < row.difference_db < row.high_db
    assert (by_kind["same2"].num_mixes, by_kind["video2"].num_mixes) == (60, 30)


def test_mixes_that_differ_most_come_first_whichever_is_better() -> None:
    gain = np.zeros(len(BASE))
    names = np.array(WORLD.rows["mix_id"])
    for mix_id, change in (("same2-004", -9.0), ("different2-007", 6.0), ("different3-001", 3.0)):
        gain[names == mix_id] = change
    found = hold_together(side("new", BASE + gain), side("old", BASE), num_apart=3)
    assert [mix.mix_id for mix in found.apart] == ["same2-004", "different2-007", "different3-001"]
    assert len(found.apart[2].labels) == 3
    assert found.apart[0].first_db - found.apart[0].second_db == pytest.approx(-9)


def test_params_and_tags_that_differ_are_named_with_both_values() -> None:
    first = side("new", BASE, params={"a": "1", "b": "2"}, tags={"data": "x", "mixes": "m"})
    second = side("old", BASE, params={"a": "1", "b": "3", "c": "4"}, tags={"data": "y", "mixes": "m"})
    found = hold_together(first, second, num_apart=1)
    assert [(change.name, change.first, change.second) for change in found.params] == [
        ("b", "2", "3"),
        ("c", "none", "4"),
    ]
    assert [(change.name, change.first, change.second) for change in found.tags] == [("data", "x", "y")]


def test_other_mixes_are_refused() -> None:
    fewer = Side("old", select(scored(WORLD.rows, BASE), range(40)), {}, {})
    with pytest.raises(PairingError, match="not the same mixes"):
        hold_together(side("new", BASE), fewer, num_apart=1)
