"""Why a video is not used: reason codes for tables, and details for people."""

import re

_ADDRESS = re.compile(r" @ 0x[0-9a-f]+")
_DESCRIPTOR = re.compile(r"(file:)?/proc/self/fd/\d+")
_SHOWN_CHARACTERS = 300

REASONS = {
    "empty": "the file has no bytes",
    "link": "a symbolic link, which is never followed",
    "special_file": "no regular file",
    "unreadable": "the operating system refuses to read it",
    "file_size": "larger than index.max_size_bytes",
    "not_media": "its first bytes are those of no medium",
    "lfs_pointer": "a Git LFS pointer in the place of the video",
    "container": "a medium, but no MP4/MOV, Matroska/WebM, MPEG-TS, MPEG-PS or AVI",
    "codec": "a codec that is not on the list of accepted ones",
    "no_video": "no moving picture",
    "no_audio": "no sound track",
    "damaged": "cannot be decoded without errors, or not wholly",
    "dimensions": "a side outside index.min_side_px..max_side_px",
    "frame_rate": "above index.max_frame_rate_hz",
    "too_short": "less common picture and sound than index.min_duration_s or than one clip",
    "duration": "longer than index.max_duration_s",
    "bad_samples": "sound samples that are no finite numbers",
    "silent": "a sound track of digital silence",
    "timeout": "not done within the time limit",
    "crash": "the decoder was ended by a signal or a resource limit",
    "duplicate": "the same bytes as another file",
    "not_listed": "of none of the lists in index.lists",
    "name": "a name that is no valid UTF-8",
}


class MediaError(ValueError):
    """One video cannot be used; `reason` is a key of REASONS, `detail` one printable line, equal in every run."""

    def __init__(self, reason: str, detail: str) -> None:
        if reason not in REASONS:
            raise KeyError(reason)
        self.reason, self.detail = reason, plain_line(detail)
        super().__init__(f"{reason}: {self.detail}")

    def __reduce__(self) -> tuple[type["MediaError"], tuple[str, str]]:
        return MediaError, (self.reason, self.detail)


def plain_line(text: str) -> str:
    """One line without what differs from run to run (memory addresses, descriptor numbers) or harms a terminal."""
    line = _DESCRIPTOR.sub("the file", _ADDRESS.sub("", " ".join(text.split())))
    return "".join(c if c.isprintable() else "?" for c in line)[:_SHOWN_CHARACTERS]
