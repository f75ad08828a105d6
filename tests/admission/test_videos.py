"""Clips gathered into videos, and the record that the next run is held against."""

from dataclasses import asdict
from pathlib import Path

import pytest

from stages.admission.videos import Videos, describe, keep, recall
from stages.shards.flags import ClipCoincidence
from stages.shards.schema import DecodedClip, Reject
from stages.shards.tables import TableError
from tests.synth.shards import clip_row


def decoded(number: int, video_id: str, rms_db: float) -> DecodedClip:
    where = {"rms_db": rms_db, "peak": 0.5, "height": 16, "width": 24, "shard": "s0.arrow", "row": number}
    return DecodedClip(**asdict(clip_row(number, video_id)), **where)


def flag(clip: DecodedClip, *, still: bool = False, dubbed: bool = False) -> ClipCoincidence:
    return ClipCoincidence(clip.clip_id, clip.video_id, 1, 1, 0.5, 0.0, 0.0, 0.0, 1.0, still, dubbed)


CLIPS = [decoded(0, "one", -20.0), decoded(1, "one", -40.0), decoded(0, "two", -30.0)]
REJECTS = [
    Reject("f/a.mp4", "index", "no_audio", ""),
    Reject("f/b.mp4", "index", "duplicate", ""),
    Reject("f/c.mp4", "index", "not_listed", ""),
]


def test_a_videos_loudness_is_that_of_all_its_sound() -> None:
    one, two = describe(CLIPS, [], REJECTS, sample_rate_hz=1000).taken
    assert (one.video_id, one.duration_s, two.duration_s) == ("one", 1.0, 0.5)
    assert one.rms_db == pytest.approx(-22.967, abs=1e-3)  # 10 log10((.01 + .0001) / 2)
    assert two.rms_db == pytest.approx(-30)


def test_a_video_is_flagged_when_most_of_its_clips_are() -> None:
    flags = [flag(CLIPS[0], still=True), flag(CLIPS[1]), flag(CLIPS[2], dubbed=True)]
    assert [video.is_flagged for video in describe(CLIPS, flags, [], sample_rate_hz=1000).taken] == [False, True]


def test_files_that_nobody_asked_for_are_no_bad_ones() -> None:
    assert [reject.path for reject in describe(CLIPS, [], REJECTS, sample_rate_hz=1000).refused] == ["f/a.mp4"]


def test_a_record_says_what_was_kept(tmp_path: Path) -> None:
    videos = describe(CLIPS, [flag(CLIPS[0])], REJECTS, sample_rate_hz=1000)
    keep(tmp_path, videos)
    assert recall(tmp_path) == videos
    keep(tmp_path, Videos((), ()))
    assert recall(tmp_path) == Videos((), ())
    with pytest.raises(TableError, match="not found"):
        recall(tmp_path / "nowhere")
