"""Each file of a collection of broken, odd and hostile media gets what its row of bad/EXPECTED.jsonl states.

There, t = 0 is the start of the earlier of picture and sound; counts are those of a track from its own start on.
"""

import json
import os
import resource
import time
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from stages.media.clips import DecodedVideo, decode_video
from stages.media.clock import to_frames, to_samples
from stages.media.faults import MediaError
from stages.media.gate import Admitted, inspect
from stages.media.probe import Facts, read_facts
from stages.media.source import open_source
from stages.params import Clip
from tests.synth.media import DECODE, INDEX, anew

CLIP = Clip(duration_s=2.0, sample_rate_hz=11025, frame_rate_hz=8, frame_side_px=64)
BOUNDS = {"min_duration_s": 2.0, "max_duration_s": 3600.0, "max_side_px": 4096, "max_frame_rate_hz": 240.0}
BOUNDED = INDEX.model_copy(update=BOUNDS | {"max_size_bytes": 2**32})
MAX_SECONDS, MAX_KIB = 60, 1024**2

Row = dict[str, Any]


def rows() -> list[Row]:
    """Parameters are made before any fixture: without media there are none, and the test is skipped."""
    path = Path(os.environ.get("PIXELS_MEDIA", "")) / "bad" / "EXPECTED.jsonl"
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()] if path.is_file() else []


def peak_kib() -> tuple[int, int]:
    """Largest resident size so far of the programs that ended, and of this process.

    Until it starts its program a forked child is as large as this process, and that counts among its sizes.
    """
    return tuple(resource.getrusage(who).ru_maxrss for who in (resource.RUSAGE_CHILDREN, resource.RUSAGE_SELF))


@pytest.mark.real_media
@pytest.mark.parametrize("row", [pytest.param(row, id=row["file"]) for row in rows()])
def test_the_verdict_is_the_expected_one(row: Row, real_media: Path) -> None:
    started_s, before_kib = time.monotonic(), peak_kib()
    verdict = judge(real_media / "bad" / row["file"], row)
    assert time.monotonic() - started_s <= MAX_SECONDS
    after_kib = peak_kib()
    assert after_kib[0] <= max(before_kib[0], after_kib[1], MAX_KIB)
    assert after_kib[1] - before_kib[1] <= MAX_KIB
    if row["verdict"] == "accept":
        assert verdict == ("decode", "")
    else:
        assert verdict[0] == row["stage"] and verdict[1] in row["reasons"]


def judge(path: Path, row: Row) -> tuple[str, str]:
    """The stage that decides, and the reason of a reject; checks what the row says of picture and sound on the way."""
    if row["video"] and row["audio"]:
        check_facts(read(path), row)
    admitted = inspect(path, index=BOUNDED, clip=CLIP, recall=anew)
    if isinstance(admitted, MediaError):
        return "index", admitted.reason
    try:
        with open_source(path) as source:
            video = decode_video(source, CLIP, DECODE)
    except MediaError as error:
        return "decode", error.reason
    check_media(video, admitted, row)
    return "decode", ""


def read(path: Path) -> Facts:
    with open_source(path) as source:
        return read_facts(source, timeout_s=DECODE.timeout_s)


def check_facts(facts: Facts, row: Row) -> None:
    near = partial(pytest.approx, abs=max(0.03, 1 / facts.frame_rate_hz) + 1e-3)  # one frame
    assert (facts.width, facts.height) == (row["video"]["width"], row["video"]["height"])
    assert [facts.usable_start_s, facts.usable_end_s] == near(row["usable_s"])
    assert facts.audio_start_s - facts.video_start_s == pytest.approx(row["av_offset_s"], abs=0.03)


def check_media(video: DecodedVideo, admitted: Admitted, row: Row) -> None:
    num_frames = len(video.frames) - to_frames(video.facts.video_start_s, CLIP.frame_rate_hz)
    num_samples = len(video.sound) - to_samples(video.facts.audio_start_s, CLIP.sample_rate_hz)
    fewest, most = row["video"]["num_frames_8fps"]
    assert fewest <= num_frames <= most
    fewest, most = row["audio"]["num_samples_11025"]
    assert fewest <= num_samples <= most
    assert np.any(video.sound.read(0, len(video.sound))) and not row["audio"]["silent"]
    usable_s = row["usable_s"][1] - row["usable_s"][0]
    assert len(admitted.windows) in (usable_s // CLIP.duration_s, (usable_s - 0.125) // CLIP.duration_s)
    assert None not in [video.cut(window, CLIP, DECODE.motion_rate_hz) for window in admitted.windows]
