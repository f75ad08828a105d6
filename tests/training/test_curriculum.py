"""Each rule mixes what it says, all of it, and says when it cannot."""

from collections import Counter

import pytest
import torch

from stages.curricula import Rule
from stages.training.curriculum import NothingToDraw, Pool, Sampler, cluster, draw, kinds_by_label
from stages.training.seeding import generator
from tests.synth.learning import decoded, phase

# Kind 0 has three videos, kind 1 two, kind 2 one; video 0 has four windows, of which each overlaps with the next.
WINDOWS = tuple(decoded(f"0-{n}", start_sample=1000 * n, num_samples=1500) for n in range(4))
POOL = Pool((WINDOWS, *((decoded(f"{n}-0"),) for n in range(1, 6))), (1.0,) * 6, (0, 0, 0, 1, 1, 2), 1500)
KIND = {clip.clip_id: kind for clips, kind in zip(POOL.by_video, POOL.kinds, strict=True) for clip in clips}


def _drawn(rule: Rule, num: int, times: int = 300) -> list[list[str]]:
    return [draw(POOL, rule, num, generator("curriculum", step)) for step in range(times)]


@pytest.mark.parametrize("num", [2, 3, 4])
def test_any_takes_different_videos_equally_often(num: int) -> None:
    drawn = _drawn("any", num)
    assert all(len({name.partition("-")[0] for name in names}) == num for names in drawn)
    counts = Counter(name.partition("-")[0] for names in drawn for name in names)
    assert all(0.7 < counts[str(video)] / (300 * num / 6) < 1.3 for video in range(6))


def test_same_instrument_takes_different_videos_of_one_kind_and_every_kind_that_can() -> None:
    drawn = _drawn("same_instrument", 2)
    assert all(len({name.partition("-")[0] for name in names}) == 2 for names in drawn)
    kinds = Counter(tuple(KIND[name] for name in names) for names in drawn)
    assert set(kinds) == {(0, 0), (1, 1)} and 100 < kinds[0, 0] < 200


def test_same_video_takes_windows_that_do_not_overlap() -> None:
    pairs = {frozenset(names) for names in _drawn("same_video", 2)}
    assert pairs == {frozenset(pair) for pair in (("0-0", "0-2"), ("0-0", "0-3"), ("0-1", "0-3"))}


@pytest.mark.parametrize(("rule", "num"), [("same_instrument", 4), ("same_video", 3)])
def test_what_cannot_be_drawn_is_said(rule: Rule, num: int) -> None:
    with pytest.raises(NothingToDraw, match=f"rule {rule}"):
        draw(POOL, rule, num, generator(1))


def test_a_draw_depends_on_its_generator_alone() -> None:
    assert _drawn("same_instrument", 2, 5) == _drawn("same_instrument", 2, 5)


def test_labels_are_kinds_and_who_has_none_is_alone() -> None:
    assert kinds_by_label(["b", None, "a", "b", None]) == (0, 6, 1, 0, 9)


def test_clusters_of_looks_are_found_however_rare() -> None:
    random = torch.Generator().manual_seed(1)
    sizes, centres = (40, 40, 3), torch.randn(3, 16, generator=random)
    truth = torch.repeat_interleave(torch.arange(3), torch.tensor(sizes))
    features = centres[truth] + 0.15 * torch.randn(sum(sizes), 16, generator=random)
    looks = cluster(features, 3, torch.Generator().manual_seed(2))
    found = looks.kinds(features)
    assert len(set(zip(found, truth.tolist(), strict=True))) == 3
    assert cluster(features, 3, torch.Generator().manual_seed(2)).kinds(features) == found
    unseen = centres + 0.15 * torch.randn(3, 16, generator=random)
    assert looks.kinds(unseen) == tuple(found[place] for place in (0, 40, 80))


def test_more_kinds_than_videos_are_refused() -> None:
    with pytest.raises(ValueError, match=r"train\.num_kinds: expected 1 to 2 kinds of 2 videos, found 3"):
        cluster(torch.randn(2, 4), 3, torch.Generator())


def test_heavier_videos_are_drawn_more_often() -> None:
    pool = Pool(POOL.by_video, (3.0, 1.0, 1.0, 1.0, 1.0, 1.0), POOL.kinds, 1500)
    drawn = [draw(pool, "any", 2, generator("weights", step)) for step in range(400)]
    counts = Counter(name.partition("-")[0] for names in drawn for name in names)
    assert counts["0"] > 1.7 * max(counts[str(video)] for video in range(1, 6))


RULES: dict[Rule, float] = {"any": 0.5, "same_instrument": 0.3, "same_video": 0.2}


def test_rules_have_their_shares_of_the_mixtures() -> None:
    sampler = Sampler(POOL, phase(rules=RULES), seed=1)
    counts = Counter(sampler.rule(step, row) for step in range(250) for row in range(8))
    assert all(abs(counts[rule] / 2000 - share) < 0.03 for rule, share in RULES.items())


def test_a_rule_depends_on_seed_step_and_row_alone() -> None:
    places = [(step, row) for step in range(20) for row in range(4)]
    first, again, other = (Sampler(POOL, phase(rules=RULES), seed=seed) for seed in (1, 1, 2))
    forwards = [first.rule(*place) for place in places]
    assert forwards == [again.rule(*place) for place in reversed(places)][::-1]
    assert forwards != [other.rule(*place) for place in places]


def test_a_mixture_is_drawn_by_its_rule() -> None:
    sampler = Sampler(POOL, phase(rules=RULES), seed=1)
    for step in range(60):
        names = sampler.mixture(step, 0, generator("mixture", step))
        videos = {name.partition("-")[0] for name in names}
        rule = sampler.rule(step, 0)
        assert (len(videos) == 1) == (rule == "same_video")
        if rule == "same_instrument":
            assert len({KIND[name] for name in names}) == 1
