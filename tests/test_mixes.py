from dataclasses import replace
from pathlib import Path

import pytest

from stages import layout, mixes
from stages.metrics.drawing import MixesError
from stages.params import Mixes
from stages.shards.files import sha256
from stages.shards.schema import DecodedClip, MixSource
from stages.shards.tables import read_rows, write_rows
from tests.synth.learning import decoded

SETTINGS = Mixes(seed=1, min_rms_db=-60, validation={"different2": 2}, test={"different2": 4, "different3": 1})


@pytest.fixture
def clips(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[DecodedClip]:
    monkeypatch.chdir(tmp_path)
    clips = [decoded(f"{kind}-{seed}", "test" if seed < 2 else "validation") for kind in range(3) for seed in range(3)]
    write_rows(layout.DECODED_CLIPS, clips, DecodedClip)
    return clips


@pytest.mark.usefixtures("clips")
def test_mixes_of_each_split_and_kind_are_written_and_a_rerun_gives_the_same_bytes() -> None:
    mixes.run(SETTINGS)
    rows = read_rows(layout.MIXES, MixSource)
    counts = [sum(row.split == split and row.kind == kind for row in rows) for split, kind in _PARTS]
    assert counts == [4, 8, 3]
    before = sha256(layout.MIXES)
    mixes.run(SETTINGS)
    assert sha256(layout.MIXES) == before


_PARTS = [("validation", "different2"), ("test", "different2"), ("test", "different3")]


def test_split_video_and_in_the_test_split_the_label_are_those_of_the_clip(clips: list[DecodedClip]) -> None:
    mixes.run(SETTINGS)
    by_id = {clip.clip_id: clip for clip in clips}
    for row in read_rows(layout.MIXES, MixSource):
        clip = by_id[row.clip_id]
        label = clip.label if row.split == "test" else None
        assert (row.split, row.video_id, row.label) == (clip.split, clip.video_id, label)


def test_validation_mixes_are_the_same_without_labels(clips: list[DecodedClip]) -> None:
    mixes.run(SETTINGS)
    labelled = [row for row in read_rows(layout.MIXES, MixSource) if row.split == "validation"]
    write_rows(layout.DECODED_CLIPS, [replace(clip, label=None) for clip in clips], DecodedClip)
    mixes.run(SETTINGS)
    assert [row for row in read_rows(layout.MIXES, MixSource) if row.split == "validation"] == labelled


@pytest.mark.usefixtures("clips")
def test_fewer_than_asked_is_said_in_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    mixes.run(SETTINGS.model_copy(update={"test": {"different2": 99}}))
    said = capsys.readouterr().out.splitlines()
    assert said == [
        "mixes: validation different2: 2",
        "mixes: test different2: 12 of 99 asked: no other clips can be combined",
    ]


def test_an_impossible_split_is_an_error_and_leaves_no_table(clips: list[DecodedClip]) -> None:
    write_rows(layout.DECODED_CLIPS, [replace(clip, split="test") for clip in clips], DecodedClip)
    with pytest.raises(MixesError, match=r"in split validation: it needs 2 different labels, .*, found 0 sounding"):
        mixes.run(SETTINGS)
    assert not layout.MIXES.exists()


def test_a_kind_that_these_videos_cannot_give_is_said_and_left_out(
    clips: list[DecodedClip], capsys: pytest.CaptureFixture[str]
) -> None:
    write_rows(layout.DECODED_CLIPS, [replace(clip, label=None) for clip in clips], DecodedClip)
    mixes.run(SETTINGS.model_copy(update={"test": {"different2": 3, "same2": 2, "shifted2": 5, "video2": 1}}))
    said = capsys.readouterr().out.splitlines()
    assert said[1] == "mixes: test different2: 3"
    assert said[2].startswith("mixes: test same2: 0 of 2 asked: it needs 2 videos with the same label, found 6")
    assert said[3].startswith("mixes: shifted shifted2: 0 of 5 asked: it needs 2 different labels")
    assert said[4].startswith("mixes: test video2: 0 of 1 asked: it needs 2 windows of one video")
    assert {row.kind for row in read_rows(layout.MIXES, MixSource)} == {"different2"}


def test_shifted_mixes_hold_shifted_videos_alone(clips: list[DecodedClip]) -> None:
    shifted = [decoded(f"{kind}-{seed}", "shifted") for kind in range(3) for seed in range(10, 12)]
    write_rows(layout.DECODED_CLIPS, [*clips, *shifted], DecodedClip)
    mixes.run(SETTINGS.model_copy(update={"test": {"different2": 4, "shifted2": 4}}))
    rows = read_rows(layout.MIXES, MixSource)
    assert {row.split for row in rows if row.kind == "shifted2"} == {"shifted"}
    theirs = {clip.video_id for clip in shifted}
    assert {row.video_id in theirs for row in rows if row.kind == "shifted2"} == {True}
    assert {row.video_id in theirs for row in rows if row.kind == "different2"} == {False}


@pytest.mark.parametrize("kind", ["same2", "shifted2", "shifted_same2"])
def test_validation_may_not_use_what_needs_labels_or_shifted_videos(kind: str) -> None:
    with pytest.raises(ValueError, match=f"{kind} cannot choose weights"):
        Mixes.model_validate(SETTINGS.model_dump() | {"validation": {kind: 2}})
