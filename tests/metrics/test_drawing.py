import re
from collections import Counter
from dataclasses import replace
from itertools import combinations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stages.metrics.drawing import RULES, MixesError, check_any, draw, drawn_from, usable
from stages.params import Kind
from stages.shards.schema import DecodedClip, MixSource
from tests.synth.learning import NUM_SAMPLES, decoded


def band(*, labels: int = 4, videos: int = 3, clips: int = 4, named: bool = True) -> list[DecodedClip]:
    """Test clips of `labels` x `videos` videos, `clips` each."""
    return [
        decoded(
            f"{label}-{100 * video + clip}",
            "test",
            video_id=f"video{label}{video}",
            label=f"label{label}" if named else None,
            start_sample=clip * NUM_SAMPLES,
        )
        for label in range(labels)
        for video in range(videos)
        for clip in range(clips)
    ]


def pairs_of(rows: list[MixSource], attribute: str) -> Counter[frozenset[str]]:
    mixes: dict[str, list[str]] = {}
    for row in rows:
        mixes.setdefault(row.mix_id, []).append(getattr(row, attribute))
    return Counter(frozenset(pair) for names in mixes.values() for pair in combinations(names, 2))


@settings(max_examples=25, deadline=None)
@given(
    kind=st.sampled_from(["different2", "different3", "different4", "shifted2"]),
    count=st.integers(1, 25),
    seed=st.integers(0, 5),
    named=st.booleans(),
    videos=st.integers(1, 3),
)
def test_sources_differ_and_no_two_clips_meet_twice(
    kind: Kind, count: int, seed: int, named: bool, videos: int
) -> None:
    rows = draw(band(videos=videos, named=named), split="test", kind=kind, count=count, seed=seed).rows()
    apart = "label" if named else "video_id"
    for attribute in ("video_id", "clip_id", apart):
        assert all(len(pair) == 2 for pair in pairs_of(rows, attribute))
    assert max(pairs_of(rows, "clip_id").values()) == 1
    assert [row.source for row in rows] == list(range(RULES[kind].num_sources)) * (len(rows) // RULES[kind].num_sources)
    assert len({row.mix_id for row in rows}) == len(rows) / RULES[kind].num_sources <= count


def test_label_pairs_videos_and_clips_take_turns() -> None:
    rows = draw(band(), split="test", kind="different2", count=60, seed=1).rows()
    assert set(pairs_of(rows, "label").values()) == {10}
    for attribute, share in (("label", 30), ("video_id", 10), ("clip_id", 2.5)):
        counts = Counter(getattr(row, attribute) for row in rows)
        assert max(counts.values()) - min(counts.values()) <= 1 + (share % 1 > 0), attribute


def test_same_seed_same_mixes_whatever_the_order_of_the_clips() -> None:
    clips = band()
    once, again = (draw(c, split="test", kind="different2", count=20, seed=1).rows() for c in (clips, clips[::-1]))
    other = draw(clips, split="test", kind="different2", count=20, seed=2).rows()
    assert once == again
    assert {row.mix_id for row in once} != {row.mix_id for row in other}


@pytest.mark.parametrize(("kind", "possible"), [("different2", 27), ("different3", 9)])
def test_asked_for_more_than_there_are_all_possible_pairs_are_used(kind: Kind, possible: int) -> None:
    drawn = draw(band(labels=3, videos=1, clips=3), split="test", kind=kind, count=1000, seed=1)
    assert drawn.asked == 1000
    # 3 labels x 3 clips hold 27 pairs across labels; a mix of three uses up three of them, and greed may strand some.
    assert len(drawn.mixes) == possible if kind == "different2" else possible - 2 <= len(drawn.mixes) <= possible


def test_one_rare_label_does_not_stall_the_search() -> None:
    clips = [*band(labels=3, videos=1, clips=40), decoded("3-0", "test", video_id="rare", label="rare")]
    drawn = draw(clips, split="test", kind="different4", count=60, seed=1)
    assert len(drawn.mixes) == 40


def test_quiet_clips_duets_and_other_splits_are_no_source() -> None:
    solo = decoded("0-0", "test")
    clips = [
        solo,
        decoded("0-1", "train"),
        decoded("0-2", "test", rms_db=-60.1),
        decoded("0-3", "test", label="violin trumpet"),
        decoded("0-4", "test", label=None),
    ]
    assert usable(clips, split="test", min_rms_db=-60.0) == [solo]
    assert usable(clips[4:], split="test", min_rms_db=-60.0) == clips[4:]
    assert usable([replace(solo, rms_db=-60.0)], split="test", min_rms_db=-60.0)


@settings(max_examples=15, deadline=None)
@given(
    count=st.integers(1, 40),
    seed=st.integers(0, 5),
    videos=st.integers(2, 4),
    kind=st.sampled_from(["same2", "shifted_same2"]),
)
def test_same2_joins_two_videos_of_one_label(count: int, seed: int, videos: int, kind: Kind) -> None:
    drawn = draw(band(videos=videos), split="test", kind=kind, count=count, seed=seed)
    rows = drawn.rows()
    assert len(drawn.mixes) == count
    assert all(len(pair) == 1 for pair in pairs_of(rows, "label"))
    assert all(len(pair) == 2 for pair in pairs_of(rows, "video_id"))
    assert max(pairs_of(rows, "clip_id").values()) == 1
    shares = Counter(row.label for row in rows)
    assert len(shares) == min(4, count)
    assert max(shares.values()) - min(shares.values()) <= 2


@pytest.mark.parametrize("named", [True, False])
def test_video2_joins_windows_of_one_video_that_do_not_overlap(named: bool) -> None:
    clips = band(labels=2, videos=2, named=named)
    half = [
        replace(clip, clip_id=f"{clip.clip_id}5", start_sample=clip.start_sample + NUM_SAMPLES // 2) for clip in clips
    ]
    drawn = draw([*clips, *half], split="test", kind="video2", count=1000, seed=1)
    # 8 windows, each half a window after the one before, hold 28 pairs of which 7 overlap.
    assert len(drawn.mixes) == 4 * 21
    for one, other in drawn.mixes:
        assert one.video_id == other.video_id
        assert abs(one.start_sample - other.start_sample) >= NUM_SAMPLES


def test_only_shifted_mixes_leave_the_split_that_was_asked_for() -> None:
    assert [drawn_from(kind, "test") for kind in RULES if "shifted" not in kind] == ["test"] * 5
    assert {drawn_from(kind, "test") for kind in ("shifted2", "shifted_same2")} == {"shifted"}


@pytest.mark.parametrize(
    ("kind", "clips", "message"),
    [
        ("different2", [], "needs 2 different labels, or without any label as many videos, found 0 sounding clips"),
        ("different2", band(labels=1), "found 12 sounding clips of 3 videos with labels label0"),
        ("different3", band(labels=1, videos=1, named=False), "needs 3 different labels, or .* of 1 videos"),
        ("same2", band(named=False), "needs 2 videos with the same label, found 48 sounding clips of 12 videos"),
        ("video2", band(clips=1), "needs 2 windows of one video that do not overlap, found 12 sounding clips"),
    ],
)
def test_an_impossible_kind_draws_none_and_says_what_is_missing(
    kind: Kind, clips: list[DecodedClip], message: str
) -> None:
    drawn = draw(clips, split="test", kind=kind, count=4, seed=1)
    assert drawn.rows() == []
    assert re.search(message, drawn.shortage)
    with pytest.raises(MixesError, match=rf"no {kind} mix is possible in split test: it .*{message}.*index.test_share"):
        check_any([drawn], "test")


def test_one_possible_kind_is_enough() -> None:
    draws = [draw(band(), split="test", kind=kind, count=1, seed=1) for kind in ("different2", "video2")]
    none = draw([], split="shifted", kind="shifted2", count=40, seed=1)
    check_any([*draws, none], "test")
    with pytest.raises(MixesError, match="no shifted2 mix is possible in split shifted"):
        check_any([none], "test")


def test_no_mixes_asked_is_no_error() -> None:
    drawn = draw([], split="test", kind="different4", count=0, seed=1)
    assert (drawn.rows(), drawn.shortage) == ([], "")
    check_any([drawn], "test")
