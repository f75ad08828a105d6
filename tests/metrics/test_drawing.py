from collections import Counter
from dataclasses import replace
from itertools import combinations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stages.metrics.drawing import NUM_SOURCES, MixesError, draw, usable
from stages.params import Kind
from stages.shards.schema import DecodedClip, MixSource
from tests.synth.learning import decoded


def band(*, labels: int = 4, videos: int = 3, clips: int = 4, named: bool = True) -> list[DecodedClip]:
    """Test clips of `labels` x `videos` videos, `clips` each."""
    return [
        decoded(
            f"{label}-{100 * video + clip}",
            "test",
            video_id=f"video{label}{video}",
            label=f"label{label}" if named else None,
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
    kind=st.sampled_from(list(NUM_SOURCES)),
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
    assert [row.source for row in rows] == list(range(NUM_SOURCES[kind])) * (len(rows) // NUM_SOURCES[kind])
    assert len({row.mix_id for row in rows}) == len(rows) / NUM_SOURCES[kind] <= count


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


@pytest.mark.parametrize(
    ("clips", "message"),
    [
        ([], "needs 2 different videos, found 0 sounding clips of 0 videos"),
        (band(labels=1), "needs 2 different labels, found 12 sounding clips of 3 videos with labels label0"),
        (band(labels=1, videos=1, named=False), "needs 2 different videos, found 4 sounding clips of 1 videos"),
    ],
)
def test_an_impossible_kind_names_what_is_missing(clips: list[DecodedClip], message: str) -> None:
    with pytest.raises(MixesError, match=message) as caught:
        draw(clips, split="test", kind="different2", count=4, seed=1)
    assert "no different2 mix is possible in split test" in str(caught.value)
    assert "index.test_share" in str(caught.value)


def test_no_mixes_asked_is_no_error() -> None:
    assert draw([], split="test", kind="different4", count=0, seed=1).rows() == []
