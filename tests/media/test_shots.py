from pathlib import Path

import numpy as np
import pytest

from stages.media.clock import SceneCut, windows_in_shots
from stages.media.gate import Admitted, inspect
from stages.media.probe import read_facts
from stages.media.shots import CutTrack, find_cuts
from stages.media.source import open_source
from tests.synth.media import CLIP, INDEX, anew, ffmpeg

SIDE_PX = 64
CUT_S = 2.2


def joined(path: Path, *, delay_s: float = 0.0) -> Path:
    """A moving test card for 2.2 s, then bars until 5 s, and one tone throughout."""
    cards = f"testsrc=s=96x64:r=25:d={CUT_S}[a];smptebars=s=96x64:r=25:d={5 - CUT_S}[b];[a][b]concat=n=2"
    picture = ("-itsoffset", str(delay_s), "-f", "lavfi", "-i", f"{cards},format=yuv420p")
    return ffmpeg(*picture, "-f", "lavfi", "-i", "sine=d=5", "-c:v", "libx264", "-c:a", "aac", path=path)


def cuts(path: Path, threshold: float = 20.0) -> list[SceneCut]:
    with open_source(path) as source:
        return find_cuts(source, read_facts(source, timeout_s=30), threshold=threshold, timeout_s=30)


@pytest.mark.parametrize("delay_s", [0.0, 0.4])
def test_a_cut_is_found_where_it_is_on_the_clock_of_the_clips(tmp_path: Path, delay_s: float) -> None:
    (cut,) = cuts(joined(tmp_path / "a.mkv", delay_s=delay_s))
    assert cut.before_s < CUT_S + delay_s <= cut.after_s
    assert cut.after_s - cut.before_s == pytest.approx(1 / 12)


def test_no_clip_crosses_a_cut_and_each_shot_is_tiled(tmp_path: Path) -> None:
    path = joined(tmp_path / "a.mkv")
    for threshold, expected in ((20.0, [0, 8, 18, 26]), (0.0, [0, 8, 16, 24, 32])):
        index = INDEX.model_copy(update={"cut_threshold": threshold})
        verdict = inspect(path, index=index, clip=CLIP, recall=anew)
        assert isinstance(verdict, Admitted)
        assert [window.start_frame for window in verdict.windows] == expected


def test_a_video_of_too_short_shots_says_so(tmp_path: Path) -> None:
    index, clip = INDEX, CLIP.model_copy(update={"duration_s": 3.0})
    verdict = inspect(joined(tmp_path / "a.mkv"), index=index, clip=clip, recall=anew)
    assert not isinstance(verdict, Admitted)
    assert verdict.reason == "too_short" and "in 2 shots" in verdict.detail


@pytest.mark.parametrize("piece_bytes", [1000, 3 * SIDE_PX**2, 50_000])
@pytest.mark.parametrize("first_of_shots", [[1], [2], [9], [5, 6], [1, 4, 9]])
def test_every_sudden_change_is_a_cut_near_the_ends_too(first_of_shots: list[int], piece_bytes: int) -> None:
    levels = np.cumsum([number in first_of_shots for number in range(10)]) * 60 + 20
    data = np.broadcast_to(levels[:, None].astype(np.uint8), (10, 3 * SIDE_PX**2)).tobytes()
    track = CutTrack(20.0)
    for start in range(0, len(data), piece_bytes):
        track.feed(data[start : start + piece_bytes])
    assert track.cuts() == [SceneCut((number - 1) / 12, number / 12) for number in first_of_shots]


def test_steady_brightening_flicker_and_no_picture_are_no_cuts() -> None:
    for levels in (range(0, 250, 25), [20, 120] * 10, []):
        track = CutTrack(20.0)
        track.feed(b"".join(bytes([level]) * (3 * SIDE_PX**2) for level in levels))
        assert [cut for cut in track.cuts() if 0.2 < cut.after_s < 0.6] == []


def test_cuts_outside_of_the_usable_span_take_nothing() -> None:
    assert windows_in_shots(1.0, 4.0, [SceneCut(0.9, 1.0), SceneCut(4.0, 4.1)], CLIP) == windows_in_shots(
        1.0, 4.0, [], CLIP
    )


def test_close_cuts_leave_no_clip_between_them() -> None:
    between = windows_in_shots(0.0, 6.0, [SceneCut(2.0, 2.1), SceneCut(2.5, 2.6), SceneCut(2.6, 2.7)], CLIP)
    assert [window.start_frame for window in between] == [0, 8, 22, 30, 38]


@pytest.mark.real_media
def test_real_videos_have_their_two_cuts_and_no_other(real_media: Path) -> None:
    """Fast hands, a hand-held camera, red light and darkness are none."""
    expected = {"foleyc_vggsound_0": [4.0], "vtaldm_0Bp8c3PfAAA_000053": [1.167], "vas_hammer_video_00323": []}
    expected |= {"crab_67UNKFmRLk": [], "vtaldm_-BAKe6QGTUk_000030": [], "vas_fireworks_video_03051": []}
    found = {name: [round(cut.after_s, 3) for cut in cuts(real_media / "real" / f"{name}.mp4")] for name in expected}
    assert found == expected
