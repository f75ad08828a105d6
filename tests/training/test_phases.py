"""The way through pretraining and phases, and what names each leg of it."""

from stages.curricula import Phase, Pretrain
from stages.training.phases import Leg, legs_of
from tests.synth.learning import phase, pretrain_section

TAUGHT = Pretrain.model_validate(pretrain_section("correspondence", 5))
UNTAUGHT = TAUGHT.model_copy(update={"objective": "none"})
BOTH = [phase(steps=6), phase(name="S2", steps=9)]
BASE = {"data": "some"}


def _keys(phases: list[Phase], pretrain: Pretrain = TAUGHT) -> list[str]:
    return [leg.key(BASE) for leg in legs_of(phases, pretrain)]


def _placed(leg: Leg, pretrain: Pretrain) -> tuple[str, int, int, int]:
    return leg.name, leg.first, leg.last(pretrain), leg.mixed


def test_legs_follow_each_other_without_a_gap() -> None:
    taught = [_placed(leg, TAUGHT) for leg in legs_of(BOTH, TAUGHT)]
    assert taught == [("pretrain", 0, 5, 0), ("S1", 5, 11, 0), ("S2", 11, 20, 6)]
    assert [_placed(leg, UNTAUGHT) for leg in legs_of(BOTH, UNTAUGHT)] == [("S1", 0, 6, 0), ("S2", 6, 15, 6)]


def test_a_leg_is_named_by_what_comes_before_it_alone() -> None:
    longer = [*BOTH, phase(name="S3", rules={"same_video": 1.0})]
    assert _keys(longer)[:3] == _keys(BOTH)
    later = [BOTH[0], phase(name="S2", steps=8)]
    assert [one == other for one, other in zip(_keys(BOTH), _keys(later), strict=True)] == [True, True, False]
    earlier = [phase(steps=7), BOTH[1]]
    assert [one == other for one, other in zip(_keys(BOTH), _keys(earlier), strict=True)] == [True, False, False]
    quicker = [phase(rate=0.1), BOTH[1]]  # pretraining learns at the rates of the first phase
    assert not set(_keys(quicker)) & set(_keys(BOTH))
