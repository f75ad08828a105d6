"""Opens files that nobody vouches for, and tells from their first bytes what they are."""

import errno
import hashlib
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from stages.media.faults import MediaError

_HEAD_BYTES = 1024
_ID_DIGITS = 16
_CHUNK_BYTES = 1 << 20
_MOV_ATOMS = (b"ftyp", b"moov", b"mdat", b"free", b"skip", b"wide", b"pnot")
_TS_PACKET_BYTES = (188, 192)  # plain, and with the time code of Blu-ray before each packet
_OTHER_MAGIC = {
    b"GIF8": "a GIF picture",
    b"\x89PNG": "a PNG picture",
    b"\xff\xd8\xff": "a JPEG picture",
    b"ID3": "an MP3 file",
    b"OggS": "an Ogg file",
    b"fLaC": "a FLAC file",
    b"FLV": "a Flash video",
    b"\x30\x26\xb2\x75": "an ASF/WMV file",
    b"RIFF": "a RIFF file other than AVI",
    b"\x00\x00\x01\xb3": "a bare MPEG video stream",
}


@dataclass(frozen=True, slots=True)
class Source:
    """An open file: its descriptor, ffmpeg's name of the one demuxer that may read it, and its content's id."""

    descriptor: int
    demuxer: str
    video_id: str  # first 16 hex digits of the sha256 of all bytes


@contextmanager
def open_source(path: Path, *, max_bytes: int | None = None) -> Iterator[Source]:
    """Open a regular file for reading; `MediaError` for all that is none, is too large, or has a stranger's magic."""
    descriptor = _open(path)
    try:
        size = _regular_size(descriptor)
        if max_bytes is not None and size > max_bytes:
            raise MediaError("file_size", f"{size} bytes, at most {max_bytes} are allowed")
        demuxer = sniff(os.pread(descriptor, _HEAD_BYTES, 0))
        yield Source(descriptor, demuxer, _content_id(descriptor))
    finally:
        os.close(descriptor)


def sniff(head: bytes) -> str:
    """Name of the demuxer for a file that begins with `head`; `MediaError` says what else it is."""
    if not head:
        raise MediaError("empty", "0 bytes")
    if head[4:8] in _MOV_ATOMS:
        return "mov"
    if head.startswith(b"\x1a\x45\xdf\xa3"):
        return "matroska"
    if head.startswith(b"RIFF") and head[8:12] == b"AVI ":
        return "avi"
    if head.startswith(b"\x00\x00\x01\xba"):
        return "mpeg"
    if any(_is_transport_stream(head, packet) for packet in _TS_PACKET_BYTES):
        return "mpegts"
    raise _stranger(head)


def _is_transport_stream(head: bytes, packet_bytes: int) -> bool:
    syncs = head[packet_bytes - 188 :: packet_bytes][:4]
    return len(syncs) >= 2 and set(syncs) == {0x47}


def _stranger(head: bytes) -> MediaError:
    if head.startswith(b"version https://git-lfs"):
        return MediaError("lfs_pointer", "a Git LFS pointer: fetch the video itself with `git lfs pull`")
    for magic, name in _OTHER_MAGIC.items():
        if head.startswith(magic):
            return MediaError("container", name)
    text = head.decode("utf-8", errors="replace")
    if b"\x00" not in head and text.count("�") <= 1:
        return MediaError("not_media", f"text: {text[:60]!r}")
    return MediaError("not_media", f"unknown first bytes {head[:8].hex(' ')}")


def _open(path: Path) -> int:
    try:
        return os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK)
    except OSError as error:
        if error.errno == errno.ELOOP:
            raise MediaError("link", "symbolic links are not followed: move or copy the video here") from error
        reason = "special_file" if error.errno == errno.ENXIO else "unreadable"
        raise MediaError(reason, error.strerror or "cannot be opened") from error


def _regular_size(descriptor: int) -> int:
    status = os.fstat(descriptor)
    if not stat.S_ISREG(status.st_mode):
        raise MediaError("special_file", f"{stat.filemode(status.st_mode)} is no regular file")
    return status.st_size


def _content_id(descriptor: int) -> str:
    digest, position = hashlib.sha256(), 0
    try:
        while chunk := os.pread(descriptor, _CHUNK_BYTES, position):
            digest.update(chunk)
            position += len(chunk)
    except OSError as error:
        raise MediaError("unreadable", error.strerror or "cannot be read") from error
    return digest.hexdigest()[:_ID_DIGITS]
