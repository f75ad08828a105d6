"""Broken files and special ones, made here: each has a clear verdict, and harms none of its neighbours."""

import os
import socket
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
import simplejpeg

from stages import index, layout
from stages.media.clips import decode_video
from stages.media.faults import MediaError
from stages.media.gate import inspect
from stages.media.source import open_source
from stages.shards.schema import ClipRow, Reject
from stages.shards.tables import read_rows
from tests.synth.media import CLIP, DECODE, INDEX, Film, anew, ffmpeg, luma_at, write_film

NOBODY = 65534


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """An mp4 whose header lies before its media."""
    path = tmp_path_factory.mktemp("whole") / "whole.mp4"
    return write_film(path, Film(), extra=("-c:a", "aac", "-movflags", "+faststart")).read_bytes()


def flip_bits(content: bytes) -> bytes:
    """Forty bits of the media, none of the header."""
    start, damaged = content.index(b"mdat") + 8, np.frombuffer(content, np.uint8).copy()
    places = np.random.default_rng(1).choice(np.arange(start, len(content)), 40, replace=False)
    damaged[places] ^= 0x10
    return damaged.tobytes()


def zero_end(content: bytes) -> bytes:
    """As a download leaves it that reserved its place on disk and was cut off."""
    return content[: len(content) // 2] + bytes(len(content) - len(content) // 2)


BROKEN: dict[str, tuple[Callable[[bytes], bytes], str, str]] = {
    "whole": (lambda content: content, "", ""),
    "no byte": (lambda _: b"", "index", "empty"),
    "torn in its header": (lambda content: content[:700], "index", "damaged"),
    "torn in its media": (lambda content: content[: len(content) // 2], "decode", "damaged"),
    "flipped bits": (flip_bits, "decode", "damaged"),
    "zeroed end": (zero_end, "decode", "damaged"),
    "noise behind a magic": (lambda c: c[:12] + np.random.default_rng(2).bytes(9000), "index", "damaged"),
    "noise": (lambda _: np.random.default_rng(3).bytes(9000), "index", "not_media"),
    "a page": (lambda _: b"<!DOCTYPE html><html><body>403</body></html>", "index", "not_media"),
    "a playlist": (lambda _: b"#EXTM3U\n#EXTINF:10,\nfile:///etc/passwd\n", "index", "not_media"),
    "a pointer": (lambda _: b"version https://git-lfs.github.com/spec/v1\noid sha256:0\n", "index", "lfs_pointer"),
}


@pytest.mark.parametrize("name", list(BROKEN))
def test_each_kind_of_damage_is_named_where_it_shows(name: str, whole: bytes, tmp_path: Path) -> None:
    damage, stage, reason = BROKEN[name]
    path = tmp_path / f"{name}.mp4"
    path.write_bytes(damage(whole))
    assert judge(path) == (stage, reason)


def test_a_song_with_a_cover_is_no_video(tmp_path: Path) -> None:
    cover = ffmpeg("-f", "lavfi", "-i", "color=s=32x32:d=1", "-frames:v", "1", path=tmp_path / "cover.png")
    inputs = ("-f", "lavfi", "-i", "sine=d=2", "-i", str(cover), "-map", "0", "-map", "1")
    song = ffmpeg(*inputs, "-c:v", "copy", "-disposition:v", "attached_pic", path=tmp_path / "song.mp3")
    assert judge(song.rename(tmp_path / "song.mp4")) == ("index", "container")


def test_silence_from_end_to_end_is_refused_and_a_silent_stretch_is_not(tmp_path: Path) -> None:
    silent = write_film(tmp_path / "silent.mov", Film(tone_from_s=98.0))
    assert judge(silent) == ("decode", "silent")
    assert judge(write_film(tmp_path / "late.mov", Film(tone_from_s=2.5))) == ("", "")


def test_a_stream_whose_clock_is_set_anew_is_read_to_its_end(tmp_path: Path) -> None:
    """Between the parts ffmpeg may leave a hole, where a late packet of the first lies behind the second's start."""
    film = Film(duration_s=2.0)
    part = write_film(tmp_path / "part.ts", film, extra=("-c:a", "mp2", "-ar", "44100"))
    joined = tmp_path / "joined.ts"
    joined.write_bytes(part.read_bytes() * 2)
    with open_source(joined) as source:
        video = decode_video(source, CLIP, DECODE)
    assert video.facts.usable_end_s > 3.9
    assert len(video.frames) == pytest.approx(video.facts.video_end_s * CLIP.frame_rate_hz, abs=1)
    assert len(video.sound) == pytest.approx(video.facts.audio_end_s * CLIP.sample_rate_hz, rel=0.02)
    (last,) = video.frames.read(len(video.frames) - 1, len(video.frames))
    assert simplejpeg.decode_jpeg(last, colorspace="GRAY").mean() == pytest.approx(luma_at(film, 1.95), abs=10)


def judge(path: Path) -> tuple[str, str]:
    """The stage that refuses a file and its reason; empty where none does."""
    verdict = inspect(path, index=INDEX, clip=CLIP, recall=anew)
    if isinstance(verdict, MediaError):
        return "index", verdict.reason
    try:
        with open_source(path) as source:
            decode_video(source, CLIP, DECODE)
    except MediaError as error:
        return "decode", error.reason
    return "", ""


def make_specials(root: Path, outside: Path) -> dict[str, str]:
    """Special files below `root`, and the reason that each is to get; all others of the folder are good."""
    write_film(root / "good.mov", Film(duration_s=1.0))
    write_film(root / "folder.mp4" / "good.mov", Film(duration_s=1.0, tone_hz=880))
    write_film(outside / "secret.mov", Film(duration_s=1.0, tone_hz=220))
    os.mkfifo(root / "fifo.mp4")
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(root / "socket.mp4"))
    (root / "out.mp4").symlink_to(outside / "secret.mov")
    (root / "out").symlink_to(outside)
    (root / "up.mp4").symlink_to("../outside/secret.mov")
    (root / "loop.mp4").symlink_to("loop.mp4")
    (root / "circle").symlink_to(root)
    links = dict.fromkeys(["out.mp4", "out", "up.mp4", "loop.mp4", "circle"], "link")
    return links | dict.fromkeys(["fifo.mp4", "socket.mp4"], "special_file")


def test_special_files_are_refused_at_once_and_nothing_outside_the_root_is_taken(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    reasons = make_specials(tmp_path / "videos", tmp_path / "outside")
    index.run(CLIP, INDEX)
    rejects = read_rows(layout.INDEX_REJECTS, Reject)
    assert {reject.path: reject.reason for reject in rejects} == reasons
    assert {clip.path for clip in read_rows(layout.CLIPS, ClipRow)} == {"good.mov", "folder.mp4/good.mov"}


@pytest.mark.parametrize("device", ["/dev/zero", "/dev/null", "/dev/random"])
def test_devices_are_not_read(device: str) -> None:
    assert judge(Path(device)) == ("index", "special_file")


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """A folder that everyone may enter, unlike tmp_path."""
    with tempfile.TemporaryDirectory() as name:
        Path(name).chmod(0o755)
        yield Path(name)


@contextmanager
def nobody() -> Iterator[None]:
    """Root may read everything: act for someone who may not."""
    user = os.geteuid()
    if user == 0:
        os.seteuid(NOBODY)
    try:
        yield
    finally:
        os.seteuid(user)


def test_what_may_not_be_read_is_unreadable(open_folder: Path) -> None:
    path = write_film(open_folder / "a.mov", Film(duration_s=1.0))
    with nobody(), open_source(path):
        pass
    path.chmod(0)
    with nobody(), pytest.raises(MediaError) as caught, open_source(path):
        pass
    assert (caught.value.reason, caught.value.detail) == ("unreadable", "Permission denied")
