import shutil
from pathlib import Path
from typing import Any

import pytest

from stages import index, layout
from stages.catalogue.availability import Availability
from stages.media.clock import SceneCut
from stages.media.shots import find_cuts
from stages.media.source import Source
from stages.params import ListFile
from stages.shards.files import sha256
from stages.shards.schema import ClipRow, Reject
from stages.shards.tables import read_rows
from tests.synth.media import CLIP, INDEX, Film, write_film

AAC = ("-c:a", "aac")


@pytest.fixture
def videos(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path / "videos"


def fill(root: Path) -> None:
    """Two good videos, one of them twice, and three bad ones."""
    write_film(root / "first" / "violin" / "good.mp4", Film(duration_s=2.0), extra=AAC)
    write_film(root / "second" / "-dash:and|bar.mp4", Film(duration_s=1.5, tone_hz=880), extra=AAC)
    shutil.copy(root / "first" / "violin" / "good.mp4", root / "second" / "again.mov")
    write_film(root / "first" / "mute.mp4", Film(duration_s=2.0), sound=False)
    (root / "second" / "page.mp4").write_text("<html>not found</html>", encoding="utf-8")
    write_film(root / "brief.mov", Film(duration_s=0.75))
    (root / "first" / "good.info.json").write_text("{}", encoding="utf-8")


def test_a_mixed_folder_is_sorted_right(videos: Path, capsys: pytest.CaptureFixture[str]) -> None:
    fill(videos)
    index.run(CLIP, INDEX)
    clips = read_rows(layout.CLIPS, ClipRow)
    assert {(row.path, row.arrival, row.label) for row in clips} == {
        ("first/violin/good.mp4", "first", "violin"),
        ("second/-dash:and|bar.mp4", "second", "second"),
    }
    assert sorted((row.path, row.start_sample, row.num_samples, row.start_frame, row.num_frames) for row in clips) == [
        ("first/violin/good.mp4", 0, 8000, 0, 8),
        ("first/violin/good.mp4", 8000, 8000, 8, 8),
        ("second/-dash:and|bar.mp4", 0, 8000, 0, 8),
    ]
    rejects = read_rows(layout.INDEX_REJECTS, Reject)
    assert [(reject.path, reject.stage, reject.reason) for reject in rejects] == [
        ("brief.mov", "index", "too_short"),
        ("first/mute.mp4", "index", "no_audio"),
        ("second/again.mov", "index", "duplicate"),
        ("second/page.mp4", "index", "not_media"),
    ]
    assert "less than one clip of 1 s" in rejects[0].detail
    assert "same bytes as first/violin/good.mp4" in rejects[2].detail
    said = capsys.readouterr().out
    assert "6 files, 2 videos, 3 clips" in said and "duplicate 1, no_audio 1, not_media 1, too_short 1" in said


def test_two_runs_write_the_same_bytes(videos: Path) -> None:
    fill(videos)
    hashes: list[tuple[str, str]] = []
    for _ in range(2):
        index.run(CLIP, INDEX)
        hashes.append((sha256(layout.CLIPS), sha256(layout.INDEX_REJECTS)))
    assert hashes[0] == hashes[1]


def test_an_empty_and_an_absent_folder_are_errors_that_name_it(videos: Path) -> None:
    with pytest.raises(ValueError, match="videos is no folder"):
        index.run(CLIP, INDEX)
    videos.mkdir()
    with pytest.raises(ValueError, match="videos: no file that may be a video"):
        index.run(CLIP, INDEX)
    (videos / "a.mp4").touch()
    with pytest.raises(ValueError, match=r"no video can be used: 1 of 1 files rejected \(empty 1\)"):
        index.run(CLIP, INDEX)


def test_a_grown_folder_costs_only_its_new_files(videos: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    looked: list[str] = []

    def note(source: Source, *given: Any, **named: Any) -> list[SceneCut]:
        looked.append(source.video_id)
        return find_cuts(source, *given, **named)

    monkeypatch.setattr("stages.media.gate.find_cuts", note)
    write_film(videos / "a" / "one.mov", Film(duration_s=2.0))
    index.run(CLIP, INDEX)
    write_film(videos / "a" / "two.mov", Film(duration_s=2.0, tone_hz=880))
    index.run(CLIP.model_copy(update={"duration_s": 0.5}), INDEX)
    assert len(looked) == len(set(looked)) == 2
    assert len(read_rows(layout.CLIPS, ClipRow)) == 8
    index.run(CLIP, INDEX.model_copy(update={"cut_threshold": 30.0}))
    assert len(looked) == 4


def test_lists_say_who_is_in_and_what_is_missing(videos: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_film(videos / "own" / "-Qowmc0P9ic_000030.mov", Film(duration_s=2.0))
    write_film(videos / "own" / "holiday.mov", Film(duration_s=2.0, tone_hz=880))
    (videos / "own" / "glLQrEijrKg_000300.mov").touch()
    layout.LISTS.mkdir()
    lines = ["-Qowmc0P9ic,30,horn,test", "glLQrEijrKg,300,organ,train", "LDoXsip0BEQ,177,parrot,train"]
    (layout.LISTS / "vggsound.csv").write_text("\n".join(lines), encoding="utf-8")
    lists = {"vgg": ListFile(file="vggsound.csv", format="vggsound", split=None)}
    index.run(
        CLIP, INDEX.model_copy(update={"lists": lists, "licences": {"own": "CC-BY-4.0"}, "max_reject_share": 0.5})
    )
    clips = read_rows(layout.CLIPS, ClipRow)
    assert {(row.path, row.label, row.split, row.licence) for row in clips} == {
        ("own/-Qowmc0P9ic_000030.mov", "horn", "test", "CC-BY-4.0")
    }
    reasons = {reject.path: reject.reason for reject in read_rows(layout.INDEX_REJECTS, Reject)}
    assert reasons == {"own/holiday.mov": "not_listed", "own/glLQrEijrKg_000300.mov": "empty"}
    assert read_rows(layout.AVAILABILITY, Availability) == [
        Availability("vgg", "test", "horn", 1, 1, 1),
        Availability("vgg", "train", "organ", 1, 1, 0),
        Availability("vgg", "train", "parrot", 1, 0, 0),
    ]
    said = capsys.readouterr().out
    assert "vgg, train: 0 / 1 / 2" in said and "empty 1, not_listed 1" in said


def test_files_that_are_not_listed_do_not_count_as_bad(videos: Path) -> None:
    write_film(videos / "-Qowmc0P9ic.mov", Film(duration_s=2.0))
    for number in range(9):
        (videos / f"other{number}.mov").touch()
    layout.LISTS.mkdir()
    (layout.LISTS / "solos.json").write_text('{"Horn": ["-Qowmc0P9ic"]}', encoding="utf-8")
    lists = {"solos": ListFile(file="solos.json", format="solos", split=None)}
    index.run(CLIP, INDEX.model_copy(update={"lists": lists, "max_reject_share": 0.0}))
    assert {row.label for row in read_rows(layout.CLIPS, ClipRow)} == {"Horn"}


def test_more_bad_files_than_allowed_fail_the_stage_with_counts(videos: Path) -> None:
    fill(videos)
    strict = INDEX.model_copy(update={"max_reject_share": 0.49})
    counts = r"videos: 3 of 6 files rejected \(no_audio 1, not_media 1, too_short 1\)"
    with pytest.raises(ValueError, match=counts + r", more than index\.max_reject_share = 0\.49"):
        index.run(CLIP, strict)
    assert len(read_rows(layout.INDEX_REJECTS, Reject)) == 4  # the duplicate is listed, and no fault
    assert not layout.CLIPS.exists()
    index.run(CLIP, INDEX.model_copy(update={"max_reject_share": 0.5}))
    assert layout.CLIPS.exists()
