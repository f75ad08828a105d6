from pathlib import Path

import pytest

from stages import layout
from stages.shards.census import Census, CensusError, Place
from stages.shards.schema import ClipRow, Reject
from stages.shards.tables import read_rows
from tests.synth.media import INDEX


@pytest.fixture(autouse=True)
def workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def place(path: str) -> Place:
    return Place(path, path.partition("/")[0], "a", "MIT", split=None)


def census(num_good: int, num_bad: int, max_reject_share: float = 0.5) -> Census:
    found = Census(INDEX.model_copy(update={"max_reject_share": max_reject_share}))
    for number in range(num_good):
        windows = [(0, 100, 0, 8), (100, 100, 8, 8)]
        found.take(f"video{number}", place=place(f"a/{number}.mp4"), windows=windows)
    for number in range(num_bad):
        found.refuse(f"a/bad{number}.mp4", "no_audio" if number else "empty", "so")
    return found


def test_clips_are_named_after_content_and_share_their_videos_split() -> None:
    census(3, 0).write()
    rows = read_rows(layout.CLIPS, ClipRow)
    assert [row.clip_id for row in rows] == [f"video{n}-0000{k}" for n in range(3) for k in range(2)]
    assert rows[1].start_sample == 100 and rows[1].num_frames == 8
    assert all(one.split == other.split for one, other in zip(rows[::2], rows[1::2], strict=True))


def test_the_second_file_of_a_content_is_a_duplicate_of_the_first() -> None:
    found = census(2, 0)
    found.take("video1", place=place("b/copy.mp4"), windows=[(0, 100, 0, 8)])
    found.write()
    assert read_rows(layout.INDEX_REJECTS, Reject) == [
        Reject("b/copy.mp4", "index", "duplicate", "same bytes as a/1.mp4")
    ]
    assert len(found.clips) == 4


@pytest.mark.parametrize(("num_good", "num_bad", "share"), [(2, 2, 0.49), (1, 3, 0.5), (9, 1, 0.0)])
def test_too_many_rejects_fail_with_counts_and_leave_the_list(num_good: int, num_bad: int, share: float) -> None:
    with pytest.raises(CensusError, match=rf"{num_bad} of {num_good + num_bad} files rejected \(empty 1"):
        census(num_good, num_bad, share).write()
    assert len(read_rows(layout.INDEX_REJECTS, Reject)) == num_bad
    assert not layout.CLIPS.exists()


def test_as_many_rejects_as_allowed_pass() -> None:
    found = census(2, 2, 0.5)
    found.write()
    assert found.summary().startswith("4 files, 2 videos, 4 clips (")
    assert found.summary().endswith("rejected: empty 1, no_audio 1")


def test_nothing_and_nothing_good_are_different_errors() -> None:
    with pytest.raises(CensusError, match="no file that may be a video"):
        census(0, 0).write()
    with pytest.raises(CensusError, match=r"no video can be used: 2 of 2.*rejects\.parquet says why"):
        census(0, 2, 1.0).write()
