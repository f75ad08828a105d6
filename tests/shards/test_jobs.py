import os
import pickle
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from stages.shards.check import ShardError
from stages.shards.files import sha256
from stages.shards.jobs import SILENCE_DB, ShardMaker, VideoClips, assemble, loudness_db, plan, summary
from stages.shards.reader import ClipReader
from stages.shards.schema import ClipMedia, ClipRow, Reject
from stages.shards.tables import read_rows
from tests.synth.shards import FORMAT, clip_media, clip_row


def open_video(video: VideoClips) -> Iterator[ClipMedia | Reject]:
    if video.video_id.startswith("bad"):
        yield Reject(video.path, "decode", "damaged", "3 errors")
        return
    for row in video.clips:
        yield clip_media(int(row.clip_id[-5:]), row.video_id)


def rows(arrival: str, *video_ids: str) -> list[ClipRow]:
    return [clip_row(number, video_id, arrival) for video_id in video_ids for number in range(2)]


def maker(store: Path, **changes: object) -> ShardMaker:
    tries = store / "tries"
    tries.mkdir(parents=True, exist_ok=True)
    values = {"tries": tries, "naming": {"q": 1}, "recipe": {"code": "x"}, "layout": FORMAT, "open_video": open_video}
    return ShardMaker(store=store, **(values | changes))


def hashes(folder: Path) -> dict[str, str]:
    return {path.relative_to(folder).as_posix(): sha256(path) for path in folder.rglob("*") if path.is_file()}


def test_a_shard_holds_videos_of_one_arrival_only() -> None:
    jobs = plan([*rows("b", "v3", "v1", "v2"), *rows("a", "v9")], videos_per_shard=2)
    named = [(job.arrival, [video.video_id for video in job.videos], job.num_clips) for job in jobs]
    assert named == [("a", ["v9"], 2), ("b", ["v1", "v2"], 4), ("b", ["v3"], 2)]


def test_a_new_arrival_leaves_the_old_shards_as_they_are(tmp_path: Path) -> None:
    make = maker(tmp_path / "store")
    before = {make(job).name for job in plan(rows("b", "v1", "v2"), 1)}
    after = {make(job).name for job in plan([*rows("a", "v0"), *rows("b", "v1", "v2")], 1)}
    assert before < after and len(after) == 3


def test_names_follow_the_input_and_stored_work_the_code(tmp_path: Path) -> None:
    (job,) = plan(rows("be / arr*", "v1"), 1)
    one = maker(tmp_path)(job)
    assert one.name.startswith("be_arr-") and one.name.endswith(".arrow")
    other_code = maker(tmp_path, recipe={"code": "y"})(job)
    assert other_code.name == one.name and other_code.file != one.file
    assert maker(tmp_path, naming={"q": 2})(job).name != one.name
    moved = replace(job, videos=(replace(job.videos[0], clips=job.videos[0].clips[:1]),))
    assert maker(tmp_path)(moved).name != one.name


def test_the_same_work_gives_the_same_bytes_in_any_order_and_any_store(tmp_path: Path) -> None:
    jobs = plan([*rows("a", "v1", "bad2", "v3"), *rows("b", "bad4")], 2)
    for name, order in {"one": [0, 1, 2], "other": [2, 0, 1]}.items():
        make = pickle.loads(pickle.dumps(maker(tmp_path / f"store-{name}")))
        results = {position: make(jobs[position]) for position in order}
        assemble(tmp_path / name, [results[position] for position in range(3)], max_reject_share=1.0)
    assert hashes(tmp_path / "one") == hashes(tmp_path / "other")


def test_a_bad_video_is_one_reject_and_costs_nothing_else(tmp_path: Path) -> None:
    results = [maker(tmp_path / "store")(job) for job in plan([*rows("a", "v1", "bad2", "v3"), *rows("b", "bad4")], 2)]
    assemble(tmp_path / "out", results, max_reject_share=1.0)
    reader = ClipReader(tmp_path / "out")
    assert [clip.video_id for clip in reader.clips] == ["v1", "v1", "v3", "v3"]
    np.testing.assert_array_equal(reader.audio("v3-00001") * 32768, clip_media(1).audio)
    rejects = read_rows(tmp_path / "out" / "rejects.parquet", Reject)
    assert [(reject.path, reject.reason) for reject in rejects] == [
        ("a/bad2.mp4", "damaged"),
        ("b/bad4.mp4", "damaged"),
    ]
    assert len(list((tmp_path / "out" / "shards").iterdir())) == 2
    assemble(tmp_path / "out", results[:1], max_reject_share=1.0)
    assert len(list((tmp_path / "out" / "shards").iterdir())) == 1
    assert summary(results) == "4 clips in 2 shards; rejected: damaged 2"


def test_a_shard_that_rotted_in_the_store_is_not_taken_for_good(tmp_path: Path) -> None:
    (job,) = plan(rows("a", "v1"), 1)
    file = maker(tmp_path / "store")(job).file
    assert file is not None
    status, content = file.stat(), bytearray(file.read_bytes())
    content[len(content) // 2] ^= 1
    file.write_bytes(content)
    os.utime(file, ns=(status.st_atime_ns, status.st_mtime_ns))  # as a bad disk does: no date tells
    found = maker(tmp_path / "store").find(job)
    assert found is not None
    assemble(tmp_path / "out", [found], max_reject_share=1.0)
    with pytest.raises(ShardError, match="PIXELS_VERIFY=1"):
        ClipReader(tmp_path / "out").audio("v1-00000")


def test_a_shard_is_found_only_once_it_is_made(tmp_path: Path) -> None:
    one, other = plan(rows("a", "v1", "bad2"), 1)
    make = maker(tmp_path)
    assert (make.find(one), make.find(other)) == (None, None)
    made = [make(job) for job in (one, other)]
    assert [make.find(job) for job in (one, other)] == made
    assert {result.file is None for result in made} == {True, False}


def test_a_video_that_kills_workers_is_left_out_by_the_third(tmp_path: Path) -> None:
    (job,) = plan(rows("a", "v1", "v2"), 2)
    make, whole = maker(tmp_path), maker(tmp_path)(job)
    for number in range(2):
        assert maker(tmp_path / str(number))(job).clips == whole.clips
        (make.tries / f"v2.{number}").touch()  # as a worker that died leaves it
    found = make(job)
    assert [clip.video_id for clip in found.clips] == ["v1", "v1"]
    assert [(r.path, r.reason, r.detail) for r in found.rejects] == [
        ("a/v2.mp4", "crash", "2 workers died while they decoded it")
    ]
    assert found.name == whole.name and make.find(job) == whole
    for mark in make.tries.iterdir():
        mark.unlink()
    assert make(job) == whole  # another run does not take it from the store


def test_rows_know_how_loud_and_large_their_clips_are(tmp_path: Path) -> None:
    (job,) = plan(rows("a", "v1"), 1)
    clip = maker(tmp_path)(job).clips[1]
    wave = clip_media(1).audio.astype(float) / 32768
    assert clip.peak == np.abs(wave).max()
    assert clip.rms_db == pytest.approx(10 * np.log10(np.mean(wave**2)), abs=1e-5)
    assert (clip.height, clip.width, clip.row) == (16, 24, 1)


def test_loudness_in_closed_form() -> None:
    assert loudness_db(np.zeros(10, np.int16)) == SILENCE_DB
    assert loudness_db(np.full(10, -32768, np.int16)) == 0
    sine = np.rint(16384 * np.sin(2 * np.pi * np.arange(1000) / 100)).astype(np.int16)
    assert loudness_db(sine) == pytest.approx(20 * np.log10(0.5) - 10 * np.log10(2), abs=1e-3)
