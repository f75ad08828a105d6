"""Who is let through, who is not, and what the gate says to it."""

from typing import Any

import numpy as np
import pytest

from stages.metrics.gate import Contestant, Verdict, judge
from stages.metrics.summary import select
from tests.synth.contests import contestant, design, scored
from tests.synth.registered import GATE

WORLD = design(seed=1)
DIFFICULTY = np.random.default_rng(2).normal(3, 6, len(WORLD.rows["mix_id"]))
CHAMPION = scored(WORLD.rows, DIFFICULTY)
EVERYTHING = GATE.model_copy(
    update={"kinds": ("different2", "different3", "different4", "same2", "video2", "shifted2"), "min_videos": 20}
)


def challenger(gain_db: float, *, spread_db: float = 0.5, **costs: Any) -> Contestant:
    change = gain_db + WORLD.draw(3, of_video_db=spread_db, of_mix_db=spread_db, of_row_db=spread_db)
    return contestant(WORLD.rows, DIFFICULTY + change, **costs)


def test_a_better_one_is_let_through_with_its_figures() -> None:
    verdict = judge(challenger(1.0), CHAMPION, EVERYTHING)
    assert verdict.outcome == "promote"
    assert verdict.mean_db is not None and verdict.low_db is not None and verdict.high_db is not None
    assert 0 < verdict.low_db < verdict.mean_db < verdict.high_db
    assert verdict.mean_db == pytest.approx(1.0, abs=0.3)
    assert verdict.num_videos is not None and verdict.num_videos > 110
    tags = verdict.tags()
    assert (tags["verdict"], tags["difference_db"]) == ("promote", f"{verdict.mean_db:.3f}")
    assert tags["reasons"].startswith("surely better: +")


def test_an_equal_one_is_rejected_where_the_videos_are_enough_to_tell_and_else_inconclusive() -> None:
    sure = judge(challenger(0.0, spread_db=0.3), CHAMPION, EVERYTHING)
    assert (sure.outcome, sure.more_videos) == ("rejected", 0)
    assert "surely not better by 0.5 dB" in sure.reasons[0]
    assert sure.power is not None and sure.power > 0.95
    unsure = judge(challenger(0.0, spread_db=6.0), CHAMPION, EVERYTHING)
    assert unsure.outcome == "inconclusive"
    assert unsure.power is not None and unsure.power < 0.5
    assert unsure.more_videos is not None and unsure.more_videos > 100
    assert f"{unsure.more_videos} more videos would show 0.5 dB" in unsure.reasons[0]


def test_more_videos_go_with_the_square_of_the_spread() -> None:
    few, many = (judge(challenger(0.0, spread_db=spread), CHAMPION, EVERYTHING) for spread in (4.0, 8.0))
    total = [verdict.more_videos + verdict.num_videos for verdict in (few, many)]  # pyright: ignore
    assert total[1] == pytest.approx(4 * total[0], rel=0.02)


@pytest.mark.parametrize(
    ("costs", "reason"),
    [
        ({"swapped_db": DIFFICULTY + 1}, "it does not look: swapped vision costs"),
        ({"latency_ms": 60_001.0}, "separating a mix takes 60001 ms, at most 60000 may be"),
        ({"size_bytes": 100_000_001}, "its weights have 100000001 bytes, at most 100000000 may be"),
        ({"latency_ms": float("inf")}, "separating a mix takes inf ms"),
    ],
)
def test_controls_and_costs_bar_even_a_better_one(costs: dict[str, Any], reason: str) -> None:
    verdict = judge(challenger(1.0, **costs), CHAMPION, EVERYTHING)
    assert verdict.outcome == "rejected"
    assert verdict.reasons[0].startswith(reason)
    assert verdict.reasons[-1].startswith("surely better")


def test_a_collapsed_one_is_rejected_by_name() -> None:
    broken = contestant(WORLD.rows, np.full(len(DIFFICULTY), -100.0), swapped_db=-100.0)
    verdict = judge(broken, CHAMPION, EVERYTHING)
    assert verdict.outcome == "rejected"
    assert verdict.reasons[0] == "100.0% of its estimates are silent or no numbers, at most 1.0% may be"


def test_without_swapped_scores_or_with_doubtful_ones_nothing_is_promoted() -> None:
    better = challenger(1.0)
    blind = Contestant(better.rows, select(better.swapped, []), better.latency_ms, better.size_bytes)
    verdict = judge(blind, CHAMPION, EVERYTHING)
    assert verdict.outcome == "inconclusive"
    assert verdict.reasons[0].startswith("swapped vision cannot be judged on different2: not the same mixes")
    doubtful = judge(challenger(1.0, swapped_db=3.0), CHAMPION, EVERYTHING)
    assert doubtful.outcome == "inconclusive"
    assert doubtful.reasons[0].startswith("whether it looks cannot be told: swapped vision costs")
    assert judge(challenger(-3.0, swapped_db=3.0), CHAMPION, EVERYTHING).outcome == "rejected"


def _with_a_loss(loss_db: float, *, label: str = "label3") -> Contestant:
    change = 1.5 + WORLD.draw(5, of_video_db=0.3, of_mix_db=0.3, of_row_db=0.3)
    hit = np.array([name == label for name in WORLD.rows["label"]])
    return contestant(WORLD.rows, DIFFICULTY + change - (1.5 + loss_db) * hit)


def test_an_instrument_that_surely_loses_more_than_a_decibel_is_a_veto() -> None:
    verdict = judge(_with_a_loss(2.0), CHAMPION, EVERYTHING)
    assert verdict.outcome == "rejected"
    assert [reason.partition(":")[0] for reason in verdict.reasons] == ["label3 is surely worse", "surely better"]
    assert judge(_with_a_loss(0.7), CHAMPION, EVERYTHING).outcome == "promote"
    more = EVERYTHING.model_copy(update={"instrument_min_videos": 60})
    assert judge(_with_a_loss(2.0), CHAMPION, more).outcome == "promote"  # too few videos of it to bar anyone


def test_without_a_champion_the_mixture_is_to_be_beaten() -> None:
    def first(gain_db: float) -> Verdict:
        spread = WORLD.draw(6, of_video_db=0.5, of_mix_db=0.5)
        return judge(contestant(WORLD.rows, gain_db + spread), None, EVERYTHING)

    assert (first(2.0).outcome, first(-0.5).outcome) == ("promote", "rejected")
    assert first(2.0).mean_db == pytest.approx(2.0, abs=0.3)


def test_unequal_mixes_and_few_videos_are_inconclusive() -> None:
    fewer = select(CHAMPION, range(100))
    verdict = judge(challenger(1.0), fewer, EVERYTHING)
    assert (verdict.outcome, verdict.mean_db) == ("inconclusive", None)
    assert verdict.reasons[0].startswith("not the same mixes")
    assert verdict.tags()["difference_db"] == "none"
    broken = contestant(WORLD.rows, np.full(len(DIFFICULTY), -100.0), swapped_db=-100.0)
    assert judge(broken, fewer, EVERYTHING).outcome == "rejected"
    demanding = EVERYTHING.model_copy(update={"min_videos": 500})
    verdict = judge(challenger(1.0), CHAMPION, demanding)
    assert verdict.outcome == "inconclusive"
    assert verdict.reasons[0].endswith("at least 500 are needed")


def test_only_kinds_of_the_gate_count() -> None:
    change = np.where(np.array(WORLD.rows["kind"]) == "same2", -3.0, 1.0) + WORLD.draw(7, of_video_db=0.3, of_mix_db=0)
    mixed = contestant(WORLD.rows, DIFFICULTY + change)
    only = EVERYTHING.model_copy(update={"kinds": ("different2", "different3")})
    assert judge(mixed, CHAMPION, only).outcome == "promote"
    assert judge(mixed, CHAMPION, EVERYTHING).mean_db < 0.5  # pyright: ignore
