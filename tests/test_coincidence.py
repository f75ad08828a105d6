"""The stage `coincidence` on performances, on the same with a frozen picture, and on the same with foreign sound."""

import json
import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from stages import coincidence, decode, index, layout, perform
from stages.keeping.pruning import prune
from stages.keeping.traces import entries_about
from stages.params import Programme, read
from stages.shards.files import read_json, sha256
from stages.shards.flags import ClipCoincidence
from stages.shards.schema import DecodedClip
from stages.shards.tables import read_rows, write_rows
from tests.synth.media import ffmpeg

PARAMS = read(Path(__file__).resolve().parent.parent / "params.yaml")
SETTINGS = PARAMS.coincidence
ARRIVALS = ("first", "frozen", "foreign")  # own sound and picture; a picture that stands; the next video's sound
OUTS = (layout.COINCIDENCE, layout.COINCIDENCE_METRICS, layout.COINCIDENCE_MAPS)


def run(settings: Any = SETTINGS) -> list[ClipCoincidence]:
    coincidence.run(PARAMS.clip, settings, PARAMS.decode.motion_rate_hz, ("first",))
    return read_rows(layout.COINCIDENCE, ClipCoincidence)


def decode_all() -> None:
    bounds = PARAMS.index.model_copy(update={"cut_threshold": 0.0})
    index.run(PARAMS.clip, bounds)
    decode.run(PARAMS.clip, PARAMS.decode, bounds.videos, 1.0)


def variants(video: Path, following: Path) -> None:
    """A performance with its middle picture alone, and with the sound of another."""
    frozen, foreign = (layout.VIDEOS / name / video.parent.name / video.name for name in ARRIVALS[1:])
    for path in (frozen, foreign):
        path.parent.mkdir(parents=True, exist_ok=True)
    stand = "trim=start=4,loop=loop=-1:size=1:start=0,setpts=N/24/TB"
    ffmpeg("-i", str(video), "-vf", stand, "-c:v", "libx264", "-crf", "23", "-c:a", "copy", "-t", "12", path=frozen)
    sound = ("-map", "0:v", "-map", "1:a", "-c", "copy")
    ffmpeg("-i", str(video), "-i", str(following), *sound, path=foreign)


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Sixteen solos of 12 s by eight instruments, with all that makes it hard, and two variants of each; decoded."""
    folder = tmp_path_factory.mktemp("world")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.setenv("PIXELS_SERIAL", "1")
        patch.setenv("PIXELS_STORE", str(folder / "store"))
        regular = Programme(solos_per_instrument=2, duets=0, twins=0)
        band = PARAMS.perform.model_copy(update={"seed": 5, "regular": regular, "duration_s": 12.0, "side_px": 96})
        perform.run("first", band, str(layout.VIDEOS), ("shifted",))
        videos = sorted((layout.VIDEOS / "first").rglob("*.mp4"), key=lambda path: path.name)
        for video, following in zip(videos, videos[1:] + videos[:1], strict=True):
            variants(video, following)
        decode_all()
        run()
        yield folder


@pytest.fixture
def rows(world: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, list[ClipCoincidence]]:
    """Rows of each arrival folder."""
    monkeypatch.chdir(world)
    monkeypatch.setenv("PIXELS_STORE", str(world / "store"))
    arrivals = {clip.clip_id: clip.arrival for clip in read_rows(layout.DECODED_CLIPS, DecodedClip)}
    found = read_rows(layout.COINCIDENCE, ClipCoincidence)
    assert [row.clip_id for row in found] == sorted(arrivals)
    return {name: [row for row in found if arrivals[row.clip_id] == name] for name in ARRIVALS}


def rate(rows: list[ClipCoincidence], flag: str) -> float:
    return float(np.mean([getattr(row, flag) for row in rows]))


def test_every_frozen_picture_and_no_moving_one_is_still(rows: dict[str, list[ClipCoincidence]]) -> None:
    rates = {name: rate(of_arrival, "still") for name, of_arrival in rows.items()}
    assert rates == {"first": 0.0, "frozen": 1.0, "foreign": 0.0}
    still = max(row.motion for row in rows["frozen"])
    moving = min(row.motion for row in rows["first"])
    assert still < 0.5 * SETTINGS.still_motion < 2 * SETTINGS.still_motion < moving


def test_foreign_sound_is_found_far_more_often_than_own_sound_is_suspected(
    rows: dict[str, list[ClipCoincidence]],
) -> None:
    rates = {name: rate(of_arrival, "dubbed") for name, of_arrival in rows.items()}
    assert rates["first"] <= 0.13, rates
    assert rates["foreign"] >= rates["first"] + 0.3, rates
    assert rates["frozen"] == 0.0  # nothing moves, so nothing tells
    lifts = {name: float(np.mean([row.video_lift for row in of_arrival])) for name, of_arrival in rows.items()}
    assert lifts["first"] > 0.08 and abs(lifts["foreign"]) < 0.04 and lifts["frozen"] == 0.0, lifts


def test_a_flag_of_dubbing_is_that_of_the_whole_video(rows: dict[str, list[ClipCoincidence]]) -> None:
    for row in rows["first"] + rows["foreign"]:
        same = [other for other in rows["first"] + rows["foreign"] if other.video_id == row.video_id]
        assert {(other.dubbed, other.video_lift) for other in same} == {(row.dubbed, row.video_lift)}


@pytest.mark.usefixtures("rows")
def test_the_area_is_high_for_performances_and_the_map_points_at_who_plays() -> None:
    figures = read_json(layout.COINCIDENCE_METRICS)
    assert figures["overall"]["clips"] == 3 * 64
    assert len(figures["labels"]) == 8
    maps = figures["maps"]
    assert maps["clips"] == 64 and 0 < maps["chance"] < 0.6
    assert maps["pointing"] > maps["chance"] + 0.3, maps
    assert maps["auc"] > 0.6 and maps["over_silent"] > 0.7, maps
    assert figures["most_moving"]["chance"] == maps["chance"]


def test_alone_performances_tell_their_sound_from_others(
    world: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    bare(world, tmp_path, monkeypatch)
    run()
    overall = read_json(layout.COINCIDENCE_METRICS)["overall"]
    assert overall["auc"] > 0.8 and overall["video_auc"] > 0.88, overall
    assert overall["lift"] > 4 * abs(overall["mismatched_lift"])
    assert overall["mismatched_pairs"] == 64 * 15  # there are fewer other videos than are asked for
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[1] for line in lines] == ["label", *sorted(PARAMS.perform.instruments), "all"]


def bare(world: Path, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Go to a workspace that has the decoded performances alone, and the same store."""
    shutil.copytree(world / layout.DECODE, folder / layout.DECODE)
    monkeypatch.chdir(folder)
    monkeypatch.setenv("PIXELS_STORE", str(world / "store"))
    clips = read_rows(layout.DECODED_CLIPS, DecodedClip)
    write_rows(layout.DECODED_CLIPS, [clip for clip in clips if clip.arrival == "first"], DecodedClip)


def test_labels_and_truth_change_no_flag(world: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    bare(world, tmp_path, monkeypatch)
    shutil.copytree(world / layout.TRUTH, layout.TRUTH)
    run()
    known, maps = sha256(layout.COINCIDENCE), sha256(layout.COINCIDENCE_MAPS)
    assert read_json(layout.COINCIDENCE_METRICS)["maps"] is not None
    shutil.rmtree(layout.TRUTH)
    clips = read_rows(layout.DECODED_CLIPS, DecodedClip)
    write_rows(layout.DECODED_CLIPS, [replace(clip, label=None) for clip in clips], DecodedClip)
    run()
    figures = read_json(layout.COINCIDENCE_METRICS)
    assert (figures["maps"], figures["labels"]) == (None, {})
    assert (sha256(layout.COINCIDENCE), sha256(layout.COINCIDENCE_MAPS)) == (known, maps)


@pytest.mark.usefixtures("rows")
def test_another_store_gives_the_same_bytes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = [sha256(path) for path in OUTS]
    monkeypatch.setenv("PIXELS_STORE", str(tmp_path / "other"))
    run()
    assert [sha256(path) for path in OUTS] == before


def made(world: Path) -> set[str]:
    return {path.name for path in (world / "store/coincidence").iterdir()}


@pytest.mark.usefixtures("rows")
def test_nothing_is_found_twice_and_flags_alone_cost_no_onsets(world: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = made(world)
    assert len(before) == len(list(layout.SHARDS.iterdir())) == 12
    monkeypatch.setattr("stages.metrics.onset_shards.sound_onsets", lambda *_, **__: pytest.fail("listened again"))
    run(SETTINGS.model_copy(update={"dubbed_lift": 1.0, "still_motion": 0.0}))
    flags = read_rows(layout.COINCIDENCE, ClipCoincidence)
    assert {row.still for row in flags} == {False}
    assert sum(row.dubbed for row in flags) > 100
    run()
    assert made(world) == before


def test_an_arrival_costs_its_own_shards(world: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    bare(world, tmp_path, monkeypatch)
    monkeypatch.setenv("PIXELS_STORE", str(tmp_path / "store"))
    run()
    first = {path.name: path.stat().st_mtime_ns for path in (tmp_path / "store/coincidence").iterdir()}
    shutil.copy(world / layout.DECODED_CLIPS, layout.DECODED_CLIPS)
    run()
    both = {path.name: path.stat().st_mtime_ns for path in (tmp_path / "store/coincidence").iterdir()}
    assert (len(first), len(both)) == (4, 12)
    assert first.items() <= both.items()


def test_gc_keeps_what_is_in_use_and_forget_finds_a_video(
    world: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bare(world, tmp_path, monkeypatch)
    monkeypatch.setenv("PIXELS_STORE", str(tmp_path / "store"))
    rows = run()
    assert [
        entry for room in prune(layout.store(), keep_days=0, now_s=4e9, dry_run=False) for entry in room.removed
    ] == []
    (entry,) = entries_about(layout.store(), rows[0].video_id)
    assert entry.room == "coincidence"
    assert rows[0].video_id in json.loads((entry.folder / "key.json").read_text())["videos"]
    run(SETTINGS.model_copy(update={"sound_rise": 0.5}))
    removed = [entry for room in prune(layout.store(), keep_days=0, now_s=4e9, dry_run=False) for entry in room.removed]
    assert len(removed) == 4


@pytest.mark.real_media
def test_real_clips_of_things_that_are_struck_have_lift(
    real_media: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The clear ones: of real clips at large, most of them speech, animals and bands, it does not hold."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PIXELS_SERIAL", "1")
    folder = tmp_path / "videos" / "real"
    folder.mkdir(parents=True)
    for name in ("gh_hitting_bag.mp4", "vas_hammer_video_00323.mp4", "difffoley_drum.mp4"):
        shutil.copy(real_media / "real" / name, folder / name)
    bounds = PARAMS.index.model_copy(update={"videos": "videos", "builtin": ()})
    index.run(PARAMS.clip, bounds)
    decode.run(PARAMS.clip, PARAMS.decode, bounds.videos, 1.0)
    rows = run()
    assert len({row.video_id for row in rows}) == 3
    assert not any(row.still or row.dubbed for row in rows)
    assert min(row.video_lift for row in rows) > 0.03
