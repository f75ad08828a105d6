import hashlib
import os
from pathlib import Path

import pytest

from stages.media.faults import MediaError
from stages.media.source import open_source, sniff

TS_PACKET = b"\x47" + bytes(187)


@pytest.mark.parametrize(
    ("head", "demuxer"),
    [
        (b"\x00\x00\x00\x18ftypisom", "mov"),
        (b"\x00\x00\x00\x08moov", "mov"),
        (b"\x1a\x45\xdf\xa3\x01", "matroska"),
        (b"RIFF\x00\x00\x00\x00AVI LIST", "avi"),
        (b"\x00\x00\x01\xba\x44", "mpeg"),
        (TS_PACKET * 5, "mpegts"),
        ((b"\x00" * 4 + TS_PACKET) * 5, "mpegts"),
    ],
)
def test_the_magic_names_one_demuxer(head: bytes, demuxer: str) -> None:
    assert sniff(head) == demuxer


@pytest.mark.parametrize(
    ("head", "reason"),
    [
        (b"", "empty"),
        (b"#EXTM3U\nfile:///etc/passwd", "not_media"),
        (b"ffconcat version 1.0\n", "not_media"),
        (b"<html>403</html>", "not_media"),
        (b"version https://git-lfs.github.com/spec/v1\noid", "lfs_pointer"),
        (b"GIF89a", "container"),
        (b"RIFF\x00\x00\x00\x00WAVE", "container"),
        (b"\x89PNG\r\n", "container"),
        (bytes(1000), "not_media"),
        (b"G" + bytes(900), "not_media"),
    ],
)
def test_all_else_is_refused_by_name(head: bytes, reason: str) -> None:
    with pytest.raises(MediaError) as caught:
        sniff(head)
    assert caught.value.reason == reason


def test_the_id_is_the_hash_of_the_bytes(tmp_path: Path) -> None:
    content = b"\x1a\x45\xdf\xa3" + os.urandom(3_000_000)
    (tmp_path / "-a.mkv").write_bytes(content)
    with open_source(tmp_path / "-a.mkv") as source:
        assert source.video_id == hashlib.sha256(content).hexdigest()[:16]
        assert source.demuxer == "matroska"


def _make_special(folder: Path) -> dict[str, Path]:
    target = folder / "target.mkv"
    target.write_bytes(b"\x1a\x45\xdf\xa3")
    (folder / "link.mkv").symlink_to(target)
    (folder / "loop.mkv").symlink_to(folder / "loop.mkv")
    os.mkfifo(folder / "fifo.mp4")
    (folder / "folder.mp4").mkdir()
    return {
        "link": folder / "link.mkv",
        "special_file": folder / "fifo.mp4",
        "unreadable": folder / "absent.mp4",
    }


def test_only_regular_files_are_opened(tmp_path: Path) -> None:
    cases = _make_special(tmp_path) | {"file_size": tmp_path / "target.mkv"}
    cases_of_same_reason = {"link": tmp_path / "loop.mkv", "special_file": tmp_path / "folder.mp4"}
    for reason, path in [*cases.items(), *cases_of_same_reason.items(), ("special_file", Path("/dev/zero"))]:
        with pytest.raises(MediaError) as caught, open_source(path, max_bytes=3):
            pass
        assert caught.value.reason == reason, path
