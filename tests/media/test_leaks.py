"""A naked ffmpeg reads what a hostile file tells it to; ours reads its one descriptor, opens nothing, calls nobody.

Each test first shows that its trap works, on the naked tool.
"""

import os
import re
import shutil
import socket
import subprocess
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from stages import index, layout
from stages.media import ffmpeg, sandbox
from stages.media.clips import decode_video
from stages.media.faults import MediaError
from stages.media.gate import Admitted, inspect
from stages.media.probe import read_facts
from stages.media.source import Source, open_source
from stages.shards.schema import ClipRow
from stages.shards.tables import read_rows
from tests.synth.media import CLIP, DECODE, INDEX, Film, anew, write_film

SCRIPTS = {
    "ffconcat": "ffconcat version 1.0\nfile secret.ts\n",
    "playlist": "#EXTM3U\n#EXT-X-TARGETDURATION:10\n#EXTINF:10,\nsecret.ts\n#EXT-X-ENDLIST\n",
}
DEMUXERS = ("mov", "matroska", "mpegts", "mpeg", "avi")
SYSTEM = ("/usr/", "/lib/", "/lib64/", "/proc/", "/dev/", "/sys/", "/etc/ld.so.", "/etc/gcrypt/", "/etc/ssl/")
STRACE = ("strace", "-f", "-qq", "-e", "trace=open,openat,socket,connect", "-o")
OPENED = re.compile(r'open(?:at)?\([^"\n]*"([^"\n]*)"')
NETWORK = re.compile(r"AF_INET|AF_PACKET|AF_NETLINK")

needs_strace = pytest.mark.skipif(shutil.which("strace") is None, reason="strace is not installed")


@pytest.fixture(params=["bubblewrap", "limits only"])
def room(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    if request.param == "limits only":
        monkeypatch.setattr(sandbox, "bubblewrap", lambda: "")
    elif not sandbox.bubblewrap():
        pytest.skip("bubblewrap does not work on this machine")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A video that is nobody's business, and beside it scripts named like videos that point at it."""
    write_film(tmp_path / "secret.ts", Film(duration_s=2.0), extra=("-c:a", "mp2", "-ar", "44100"))
    for name, text in SCRIPTS.items():
        (tmp_path / f"{name}.mp4").write_text(text, encoding="utf-8")
    return tmp_path


def naked(name: str, folder: Path, *, prefix: Sequence[str] = ()) -> str:
    """The codecs that ffprobe finds when it is simply given a name."""
    command = [*prefix, "ffprobe", "-v", "error", "-show_entries", "stream=codec_name", "-of", "csv=p=0", name]
    # opencv, once imported, leaves its own folders in LD_LIBRARY_PATH
    bare = {"PATH": os.environ["PATH"]}
    given = {"cwd": folder, "env": bare, "stdin": subprocess.DEVNULL}
    return subprocess.run(command, **given, capture_output=True, check=False, timeout=30).stdout.decode()


@pytest.mark.usefixtures("room")
@pytest.mark.parametrize("script", list(SCRIPTS))
def test_a_script_in_disguise_reads_no_sibling(script: str, folder: Path) -> None:
    assert "h264" in naked(f"{script}.mp4", folder)  # the secret's own codec: it was read
    verdict = inspect(folder / f"{script}.mp4", index=INDEX, clip=CLIP, recall=anew)
    assert isinstance(verdict, MediaError) and verdict.reason == "not_media"


@pytest.mark.usefixtures("room")
@pytest.mark.parametrize("demuxer", [*DEMUXERS, "concat", "hls"])
def test_nor_does_it_where_its_first_bytes_deceive_us(demuxer: str, folder: Path) -> None:
    """Whatever demuxer a script were taken for, the program that reads it is shown nothing else."""
    script = folder / ("playlist.mp4" if demuxer == "hls" else "ffconcat.mp4")
    descriptor = os.open(script, os.O_RDONLY)
    try:
        with pytest.raises(MediaError):
            read_facts(Source(descriptor, demuxer, "0" * 16), timeout_s=DECODE.timeout_s)
    finally:
        os.close(descriptor)


def test_a_name_that_is_an_address_is_only_a_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with socket.create_server(("127.0.0.1", 0)) as server:
        name = f"tcp:/127.0.0.1:{server.getsockname()[1]}"
        server.settimeout(5)
        caller = subprocess.Popen(["ffprobe", "-v", "quiet", name], stdin=subprocess.DEVNULL)
        server.accept()[0].close()
        caller.wait(30)
        film = write_film(tmp_path / "a.mov", Film(duration_s=1.0))
        (tmp_path / "tcp:").mkdir()
        film.rename(tmp_path / name)
        index.run(CLIP, INDEX.model_copy(update={"videos": "."}))
        assert {clip.path for clip in read_rows(layout.CLIPS, ClipRow)} == {name}
        with open_source(Path(name)) as source:
            assert len(decode_video(source, CLIP, DECODE).frames) == 8
        server.settimeout(0.2)
        with pytest.raises(TimeoutError):
            server.accept()


@needs_strace
def test_all_that_is_opened_is_the_systems_own(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    log = folder / "naked.log"
    naked("ffconcat.mp4", folder, prefix=(*STRACE, str(log)))
    assert strange(log) == ["ffconcat.mp4", "secret.ts"]
    log = folder / "ours.log"
    monkeypatch.setattr(sandbox, "bubblewrap", lambda: "")  # which would hide what is tried
    monkeypatch.setattr(sandbox, "confined", traced(sandbox.confined, log))
    good = write_film(folder / "good.mp4", Film(duration_s=1.0), extra=("-c:a", "aac"))
    for path in (good, folder / "secret.ts"):
        assert isinstance(inspect(path, index=INDEX, clip=CLIP, recall=anew), Admitted)
        with open_source(path) as source:
            decode_video(source, CLIP, DECODE)
        assert strange(log) == []
    for command in (ffmpeg.facts_command, ffmpeg.packets_command):
        run_on(folder / "ffconcat.mp4", command)
        assert strange(log) == []


def traced(confined: Callable[..., list[str]], log: Path) -> Callable[..., list[str]]:
    return lambda command, cpu_s: [*STRACE, str(log), *confined(command, cpu_s=cpu_s)]


def run_on(path: Path, command: Callable[[int, str], list[str]]) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    outcome = sandbox.run(lambda _: command(descriptor, "mov"), sinks=[Nothing()], descriptor=descriptor, timeout_s=30)
    os.close(descriptor)
    assert outcome.status != 0


class Nothing:
    def feed(self, data: bytes) -> None:
        pass


def strange(log: Path) -> list[str]:
    """What a traced program tried to open that is none of the system's own files, and its lines about the network."""
    text = log.read_text(encoding="utf-8", errors="replace")
    assert OPENED.search(text)  # it was traced at all
    opened = [path for path in OPENED.findall(text) if not path.startswith(SYSTEM)]
    return [*dict.fromkeys(opened), *(line for line in text.splitlines() if NETWORK.search(line))]
