from pathlib import Path

import pytest

from stages.media.faults import MediaError
from stages.media.gate import Admitted, inspect
from stages.media.probe import Facts, read_facts
from stages.media.source import open_source
from tests.synth.media import CLIP, DECODE, INDEX, Film, anew, ffmpeg, write_film

AAC = ("-c:a", "aac")


def facts(path: Path) -> Facts:
    with open_source(path) as source:
        return read_facts(source, timeout_s=DECODE.timeout_s)


@pytest.mark.parametrize("name", ["a.mov", "a.mkv", "-a.avi", "with blank:and|bar.ts", "a.mpg", "two%03d.mp4"])
def test_every_container_gives_the_same_facts(tmp_path: Path, name: str) -> None:
    others = {".mpg": ("-c:v", "mpeg2video", "-c:a", "mp2", "-ar", "44100"), ".avi": ("-c:a", "pcm_s16le")}
    found = facts(write_film(tmp_path / name, Film(duration_s=2.0), extra=others.get(name[-4:], AAC)))
    assert (found.width, found.height, found.channels) == (64, 48, 1)
    assert found.frame_rate_hz == pytest.approx(24, rel=0.01)
    assert found.usable_start_s == pytest.approx(0, abs=0.15)
    assert found.usable_end_s - found.usable_start_s == pytest.approx(2, abs=0.1)


@pytest.mark.parametrize(("suffix", "late"), [("mov", "audio"), ("mkv", "audio"), ("mov", "video"), ("mkv", "video")])
def test_a_late_track_is_known(tmp_path: Path, suffix: str, late: str) -> None:
    film = Film(audio_delay_s=0.5 * (late == "audio"), video_delay_s=0.5 * (late == "video"))
    found = facts(write_film(tmp_path / f"a.{suffix}", film))
    assert found.audio_start_s - found.video_start_s == pytest.approx(
        film.audio_delay_s - film.video_delay_s, abs=0.002
    )
    assert (found.usable_start_s, found.usable_end_s) == pytest.approx((0.5, 3.0), abs=0.002)
    assert found.end_s == pytest.approx(3.5, abs=0.002)


def test_a_stream_without_a_length_is_measured(tmp_path: Path) -> None:
    # a live Matroska has no length in its header: `-live 1` leaves it out
    path = write_film(tmp_path / "a.mkv", Film(duration_s=2.0), extra=("-live", "1"))
    assert facts(path).usable_end_s == pytest.approx(2.0, abs=0.05)


def test_rotation_swaps_the_sides(tmp_path: Path) -> None:
    plain = write_film(tmp_path / "a.mp4", Film(duration_s=1.0), extra=AAC)
    turned = ffmpeg("-i", str(plain), "-c", "copy", "-metadata:s:v", "rotate=90", path=tmp_path / "b.mp4")
    assert (facts(turned).width, facts(turned).height) == (48, 64)


def reason(path: Path, **changes: float) -> str:
    verdict = inspect(path, index=INDEX.model_copy(update=changes), clip=CLIP, recall=anew)
    return "" if isinstance(verdict, Admitted) else verdict.reason


def test_each_bound_has_its_reason(tmp_path: Path) -> None:
    path = write_film(tmp_path / "a.mov", Film(duration_s=2.0))
    assert reason(path) == ""
    assert reason(path, min_side_px=49) == reason(path, max_side_px=63) == "dimensions"
    assert reason(path, max_frame_rate_hz=23.0) == "frame_rate"
    assert reason(path, max_duration_s=1.9) == "duration"
    assert reason(path, min_duration_s=2.1) == "too_short"
    assert reason(path, min_duration_s=2.0) == ""
    assert reason(path, max_size_bytes=1000) == "file_size"


def test_missing_tracks_and_short_ones_have_their_reasons(tmp_path: Path) -> None:
    mute = write_film(tmp_path / "mute.mov", Film(duration_s=2.0), sound=False)
    assert reason(mute) == "no_audio"
    blind = ffmpeg("-f", "lavfi", "-i", "sine=d=2", "-c:a", "aac", path=tmp_path / "blind.mp4")
    assert reason(blind) == "no_video"
    short = write_film(tmp_path / "short.mov", Film(duration_s=0.75))
    assert reason(short) == "too_short"
    apart = write_film(tmp_path / "apart.mov", Film(duration_s=1.0, audio_delay_s=0.8))
    assert reason(apart) == "too_short"


def test_a_cover_is_no_moving_picture(tmp_path: Path) -> None:
    cover = ffmpeg("-f", "lavfi", "-i", "color=s=32x32:d=1", "-frames:v", "1", path=tmp_path / "cover.png")
    inputs = ("-f", "lavfi", "-i", "sine=d=2", "-i", str(cover), "-map", "0", "-map", "1")
    song = ffmpeg(*inputs, "-c:a", "aac", "-c:v", "copy", "-disposition:v", "attached_pic", path=tmp_path / "song.mp4")
    assert reason(song) == "no_video"


def test_a_torn_header_is_damage(tmp_path: Path) -> None:
    path = write_film(tmp_path / "a.mp4", Film(duration_s=1.0), extra=AAC)
    path.write_bytes(path.read_bytes()[:2000])
    assert reason(path) == "damaged"


def test_a_name_that_is_no_text_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "\udcff.mov"
    path.write_bytes(b"")
    assert reason(path) == "name"


def test_facts_never_believe_a_playlist(tmp_path: Path) -> None:
    good = write_film(tmp_path / "good.mov", Film(duration_s=1.0))
    (tmp_path / "list.mp4").write_text(f"ffconcat version 1.0\nfile '{good}'\n", encoding="utf-8")
    with pytest.raises(MediaError, match="not_media"):
        facts(tmp_path / "list.mp4")
