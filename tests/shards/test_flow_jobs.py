import pickle
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from stages.shards.check import ShardError
from stages.shards.files import read_json, sha256
from stages.shards.flow_jobs import Attempt, FlowJob, FlowMaker, assemble_flow, flow_summary, most_deaths, plan_flow
from stages.shards.flow_reader import FlowReader
from stages.shards.flow_schema import ClipFlow
from stages.shards.reader import ClipReader
from stages.shards.schema import DecodedClip, Reject
from stages.shards.tables import read_rows
from tests.synth.flows import ABOUT
from tests.synth.shards import NUM_FRAMES, decoded_folder


class DiedError(BaseException):
    """Ends the work as the death of a process would: no handler of ours catches it."""


def estimate(reader: ClipReader, clips: Sequence[DecodedClip], attempt: Attempt) -> Iterator[ClipFlow]:
    """Brightness of each frame as its flow; in batches of two clips, each of which is read by itself before."""
    for start in range(0, len(clips), 2):
        batch = clips[start : start + 2]
        for clip in batch:
            with attempt([clip.clip_id]):
                reader.frames(clip.clip_id, [0])
        with attempt([clip.clip_id for clip in batch]):
            flows = [flow_of(reader, clip) for clip in batch]
        yield from flows


def flow_of(reader: ClipReader, clip: DecodedClip) -> ClipFlow:
    bright = [int(frame.mean()) for frame in reader.frames(clip.clip_id, range(clip.num_frames - 1))]
    vectors = np.broadcast_to(np.array(bright, np.int16)[:, None, None, None], (len(bright), 2, 4, 6)).copy()
    valid = np.ones((len(bright), 4, 6), np.uint8)
    valid[0, :, :3] = 0
    return ClipFlow(clip.clip_id, clip.video_id, clip.height, clip.width, vectors, valid)


class Killer:
    """Estimates as above, but dies in batches with a certain clip, so many times; keeps the batches that it began."""

    def __init__(self, victim: str, *, times: int) -> None:
        self._victim, self._left, self.begun = victim, times, list[tuple[str, ...]]()

    def __call__(self, reader: ClipReader, clips: Sequence[DecodedClip], attempt: Attempt) -> Iterator[ClipFlow]:
        for start in range(0, len(clips), 2):
            batch = clips[start : start + 2]
            ids = [clip.clip_id for clip in batch]
            self.begun.append(tuple(clip_id[-1] for clip_id in ids))
            with attempt(ids):
                if self._victim in ids and self._left:
                    self._left -= 1
                    raise DiedError
                flows = [flow_of(reader, clip) for clip in batch]
            yield from flows


def maker(folder: Path, **changes: object) -> FlowMaker:
    """For the decoded folder `folder/decode`, with a store beside it."""
    tries = folder / "store" / "tries"
    tries.mkdir(parents=True, exist_ok=True)
    values = {"store": folder / "store", "decoded": folder / "decode", "recipe": {"code": "x"}, "about": ABOUT}
    return FlowMaker(**({"estimate": estimate, "tries": tries} | values | changes))  # type: ignore[arg-type]


def decoded_jobs(folder: Path, *clips_per_shard: int) -> list[FlowJob]:
    decoded_folder(folder / "decode", clips_per_shard)
    return plan_flow(folder / "decode", ClipReader(folder / "decode").clips)


def hashes(folder: Path) -> dict[str, str]:
    return {path.relative_to(folder).as_posix(): sha256(path) for path in folder.rglob("*") if path.is_file()}


def until_done(make: FlowMaker, job: FlowJob, most: int) -> int:
    """Try as a pool does; how many workers it cost."""
    for deaths in range(most + 1):
        try:
            make(job)
        except DiedError:
            continue
        return deaths
    raise AssertionError(f"not done after {most} deaths")


def test_there_is_one_job_for_each_shard_of_frames(tmp_path: Path) -> None:
    jobs = decoded_jobs(tmp_path, 2, 3)
    assert [(job.name, len(job.clips), job.num_pairs) for job in jobs] == [("s0.arrow", 2, 6), ("s1.arrow", 3, 9)]
    assert [job.sha256 for job in jobs] == [sha256(tmp_path / "decode/shards" / job.name) for job in jobs]
    assert most_deaths(jobs) == 9 and most_deaths([]) == 3


def test_a_folder_of_flow_is_read_as_it_was_made(tmp_path: Path) -> None:
    results = [maker(tmp_path)(job) for job in decoded_jobs(tmp_path, 2, 3)]
    assemble_flow(tmp_path / "flow", results, max_reject_share=0.0)
    reader = FlowReader(tmp_path / "flow")
    assert len(reader.clips) == 5
    for number, clip in enumerate(reader.clips):
        expected = [20 * k + number for k in range(NUM_FRAMES - 1)]
        found = reader.vectors(clip.clip_id)
        assert np.abs(found - np.array(expected)[:, None, None, None]).max() <= 1
        assert (clip.num_pairs, clip.valid_share) == (3, round(5 / 6, 6))
    assert read_rows(tmp_path / "flow/rejects.parquet", Reject) == []
    assert flow_summary(results) == "15 pairs of 5 clips in 2 shards, 83.3 % valid; rejected: none"


def test_the_same_work_gives_the_same_bytes_in_any_order_and_any_store(tmp_path: Path) -> None:
    jobs = decoded_jobs(tmp_path, 1, 2, 1)
    for name, order in {"one": [0, 1, 2], "other": [2, 0, 1]}.items():
        make = pickle.loads(pickle.dumps(maker(tmp_path, store=tmp_path / f"store-{name}")))
        results = {position: make(jobs[position]) for position in order}
        assemble_flow(tmp_path / name, [results[position] for position in range(3)], max_reject_share=0.0)
    assert hashes(tmp_path / "one") == hashes(tmp_path / "other")


def test_names_and_stored_work_follow_frames_and_recipe(tmp_path: Path) -> None:
    one, other = decoded_jobs(tmp_path, 1, 1)
    make = maker(tmp_path)
    assert (make.find(one), make.find(other)) == (None, None)
    made = make(one)
    assert make.find(one) == made and make.find(other) is None
    assert make(replace(one, name="first-0123.arrow")).name.startswith("first-")
    for changed in (maker(tmp_path, recipe={"code": "y"}), maker(tmp_path, recipe={"code": "x", "weights": "ab"})):
        assert changed.find(one) is None
        assert changed(one).name != made.name and changed(one).folder != made.folder
    assert make.find(replace(one, sha256="0" * 64)) is None


def test_stored_work_can_be_found_by_its_video(tmp_path: Path) -> None:
    (job,) = decoded_jobs(tmp_path, 2)
    assert read_json(maker(tmp_path)(job).folder / "key.json")["videos"] == ["v0"]


def test_shards_of_clips_that_are_gone_are_removed(tmp_path: Path) -> None:
    results = [maker(tmp_path)(job) for job in decoded_jobs(tmp_path, 1, 1)]
    for kept in (results, results[:1]):
        assemble_flow(tmp_path / "flow", kept, max_reject_share=0.0)
        assert {path.name for path in (tmp_path / "flow/shards").iterdir()} == {result.name for result in kept}


def test_a_clip_that_kills_workers_is_left_out_and_told(tmp_path: Path) -> None:
    (job,) = decoded_jobs(tmp_path, 5)
    killer = Killer("v0-00002", times=99)
    make = maker(tmp_path, estimate=killer)
    assert until_done(make, job, most_deaths([job])) == 3
    # in company, then alone: the other one of the batch is tried alone as well, and is none
    assert killer.begun == [("0", "1"), ("2", "3"), ("2",), ("2",), ("3",), ("0", "1"), ("3", "4")]
    found = make(job)
    assert [clip.clip_id[-1] for clip in found.clips] == ["0", "1", "3", "4"]
    assert [(r.path, r.stage, r.reason, r.detail) for r in found.rejects] == [
        ("first/v0.mp4", "flow", "crash", "clip v0-00002: 2 workers died while they looked at it")
    ]
    assert flow_summary([found]).endswith("rejected: crash 1")
    assemble_flow(tmp_path / "flow", [found], max_reject_share=0.2)
    with pytest.raises(ValueError, match=r"1 of 5 clips have no flow \(crash 1\).*max_reject_share = 0\.1"):
        assemble_flow(tmp_path / "flow", [found], max_reject_share=0.1)
    assert make.find(job) is None  # another run tries it again


def test_a_worker_that_is_killed_at_a_clip_costs_neither_the_clip_nor_a_byte(tmp_path: Path) -> None:
    jobs = decoded_jobs(tmp_path, 5, 4)
    whole = [maker(tmp_path, store=tmp_path / "whole")(job) for job in jobs]
    make = maker(tmp_path, estimate=Killer("v0-00002", times=1))
    assert until_done(make, jobs[0], 1) == 1
    results = [make(job) for job in jobs]
    assert [result.sum for result in results] == [result.sum for result in whole]
    assert list(make.tries.glob("*.suspect")) == []


def test_a_batch_that_kills_though_none_of_its_clips_does_is_no_clip_s_fault(tmp_path: Path) -> None:
    """As where memory is short: nobody is left out, and the pool gives up after as many deaths as it allows."""
    (job,) = decoded_jobs(tmp_path, 2)

    def greedy(reader: ClipReader, clips: Sequence[DecodedClip], attempt: Attempt) -> Iterator[ClipFlow]:
        with attempt([clip.clip_id for clip in clips]):
            if len(clips) > 1:
                raise DiedError
        yield from estimate(reader, clips, attempt)

    with pytest.raises(AssertionError, match="not done"):
        until_done(maker(tmp_path, estimate=greedy), job, most_deaths([job]))


def test_where_every_clip_kills_there_is_no_shard(tmp_path: Path) -> None:
    (job,) = decoded_jobs(tmp_path, 1)
    make = maker(tmp_path, estimate=Killer("v0-00000", times=2))
    assert until_done(make, job, 2) == 2
    found = make(job)
    assert (found.file, found.clips, len(found.rejects)) == (None, (), 1)
    assemble_flow(tmp_path / "flow", [found], max_reject_share=1.0)
    assert FlowReader(tmp_path / "flow").clips == ()


def test_a_damaged_shard_of_frames_ends_the_work_and_is_named(tmp_path: Path) -> None:
    (job,) = decoded_jobs(tmp_path, 1)
    path = tmp_path / "decode/shards/s0.arrow"
    path.write_bytes(path.read_bytes()[:-8])
    with pytest.raises(ShardError, match=r"s0\.arrow.*single-item decode"):
        maker(tmp_path)(job)
