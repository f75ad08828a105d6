"""A video that crashes whoever decodes it is left out with a reason; the others are decoded as ever."""

import os
import shutil
import signal
from pathlib import Path

import pytest

from stages.shards.schema import ClipRow, DecodedClip, Reject
from stages.shards.tables import read_rows
from tests.faults.harness import descendants, finish, results, start, tail, until
from tests.synth.world import commands, surroundings

# Stands before the real ffmpeg and harms whoever meets a file of a certain size.
WRAPPER = """#!/bin/sh
for word; do
  case $word in file:/proc/self/fd/*)
    if [ "$(stat --dereference --format=%s "/proc/$$/fd/${word##*/}")" = SIZE ]; then echo tried >> TALLY; HARM; fi
  esac
done
exec FFMPEG "$@"
"""


def wrapped(folder: Path, size_bytes: int, harm: str) -> dict[str, str]:
    """A PATH on which ffmpeg does harm; the tally counts how often."""
    real = Path(shutil.which("ffmpeg") or "ffmpeg").resolve()
    words = {"SIZE": str(size_bytes), "TALLY": str(folder / "tally"), "HARM": harm, "FFMPEG": str(real)}
    script = WRAPPER
    for name, value in words.items():
        script = script.replace(name, value)
    tool = folder / "tools" / "ffmpeg"
    tool.parent.mkdir()
    tool.write_text(script, encoding="utf-8")
    tool.chmod(0o755)
    return {"PATH": f"{tool.parent}:{surroundings(folder)['PATH']}"}


def victim(workspace: Path) -> str:
    """Path below data/videos of a video that no other equals in size."""
    videos = sorted((workspace / "data/videos").glob("*/*/*.mp4"))
    sizes = [video.stat().st_size for video in videos]
    chosen = next(video for video in videos if sizes.count(video.stat().st_size) == 1)
    return str(chosen.relative_to(workspace / "data/videos"))


def start_anew(workspace: Path) -> None:
    shutil.rmtree(workspace / ".store/decode")
    shutil.rmtree(workspace / "data/decode")


@pytest.mark.parametrize(
    ("harm", "detail"), [("kill -SEGV $$", ""), ("kill -KILL $PPID; exit 1", "2 workers died while they decoded it")]
)
def test_a_video_that_crashes_the_decoder_or_its_worker(world: Path, harm: str, detail: str) -> None:
    bad = victim(world)
    before = {clip.clip_id: clip for clip in read_rows(world / "data/decode/clips.parquet", DecodedClip)}
    tools = wrapped(world, (world / "data/videos" / bad).stat().st_size, harm)
    start_anew(world)
    said = finish(commands(world)["decode"], world, **tools)
    clips = read_rows(world / "data/decode/clips.parquet", DecodedClip)
    (reject,) = read_rows(world / "data/decode/rejects.parquet", Reject)
    assert (reject.path, reject.stage, reject.reason) == (bad, "decode", "crash")
    assert detail in reject.detail
    assert "rejected: crash 1" in said
    assert (world / "tally").read_text().split() == ["tried"] * 2
    indexed = read_rows(world / "data/index/clips.parquet", ClipRow)
    assert sorted(clip.clip_id for clip in clips) == sorted(row.clip_id for row in indexed if row.path != bad)
    assert all(clip.rms_db == before[clip.clip_id].rms_db for clip in clips)


def test_a_killed_worker_costs_nothing(world: Path) -> None:
    before = results(world)
    start_anew(world)
    process = start(commands(world)["decode"], world)
    until(process, lambda: bool(workers(process.pid)))
    for pid in workers(process.pid):
        os.kill(pid, signal.SIGKILL)
    assert process.wait(timeout=300) == 0, tail(world)
    assert results(world) == before


def workers(driver: int) -> list[int]:
    """Ray's processes that are at work on a task."""
    return [pid for pid, line in descendants(driver).items() if line.startswith("ray::_call")]
