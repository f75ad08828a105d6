"""Frames and sound -> an mp4 file (H.264, AAC), the same bytes for the same input and the same ffmpeg."""

import subprocess
import tempfile
from collections.abc import Iterable
from itertools import chain
from pathlib import Path
from typing import IO, cast

import ffmpeg
import numpy as np
from numpy.typing import NDArray

from stages.media.sandbox import tool

_TIMEOUT_S = 120.0  # after the last frame was handed over
_BITEXACT = {"fflags": "+bitexact", "flags:v": "+bitexact", "flags:a": "+bitexact", "map_metadata": -1}
# One thread: x264's rate control depends on how many there are.
_VIDEO = {"c:v": "libx264", "preset": "veryfast", "crf": 19, "pix_fmt": "yuv420p", "threads": 1, "g": 48}
_AUDIO = {"c:a": "aac", "b:a": "96k", "ac": 1}


class EncodeError(ValueError):
    """ffmpeg could not write a video."""


def write_video(
    path: Path,
    frames: Iterable[NDArray[np.uint8]],
    frame_rate_hz: int,
    waveform: NDArray[np.floating],
    sample_rate_hz: int,
) -> None:
    """Write an mp4, whole or not at all.

    Args:
        path: Where; its folder is made.
        frames: RGB uint8 (H, W, 3), all of one size, H and W even.
        frame_rate_hz: Frame i is shown from i / frame_rate_hz on.
        waveform: (S,), mono, in [-1, 1); what lies outside is clipped.
        sample_rate_hz: Of the waveform.

    Raises:
        EncodeError: no frame, an odd size, frames of different sizes, or what ffmpeg says.
    """
    waiting = iter(frames)
    first = next(waiting, None)
    if first is None or first.ndim != 3 or first.shape[0] % 2 or first.shape[1] % 2 or first.shape[2] != 3:
        found = "none" if first is None else str(first.shape)
        raise EncodeError(f"{path}: expected RGB frames (H, W, 3) with even H and W, found {found}")
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=f".{path.name}.", dir=path.parent) as room:
        sound, temporary = Path(room) / "sound", Path(room) / "video"
        sound.write_bytes(_samples(waveform))
        command = encode_command(temporary, sound, first.shape, (frame_rate_hz, sample_rate_hz))
        with tempfile.TemporaryFile() as errors:
            _feed(path, command, chain([first], waiting), errors)
        temporary.replace(path)


def encode_command(target: Path, sound: Path, shape: tuple[int, ...], rates_hz: tuple[int, int]) -> list[str]:
    """Argument list of ffmpeg: raw RGB frames on stdin, raw int16 mono in `sound`; `rates_hz` of frames and samples."""
    picture = ffmpeg.input("pipe:0", f="rawvideo", pix_fmt="rgb24", s=f"{shape[1]}x{shape[0]}", r=rates_hz[0])
    heard = ffmpeg.input(f"file:{sound}", f="s16le", ar=rates_hz[1], ac=1)
    options = {**_VIDEO, **_AUDIO, **_BITEXACT, "sws_flags": "bicubic+accurate_rnd+full_chroma_int+bitexact"}
    output = ffmpeg.output(picture, heard, f"file:{target}", f="mp4", **options)
    flags = ("-hide_banner", "-nostats", "-loglevel", "error")
    return cast("list[str]", output.global_args(*flags).overwrite_output().compile(cmd=tool("ffmpeg")))


def _feed(path: Path, command: list[str], frames: Iterable[NDArray[np.uint8]], errors: IO[bytes]) -> None:
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=errors)
    try:
        broken = not _hand_over(process, path, frames)
        status = process.wait(_TIMEOUT_S)
    finally:
        if process.poll() is None:
            process.kill()
            process.wait()
    if status or broken:
        errors.seek(0)
        said = errors.read(2000).decode("utf-8", errors="replace").strip()
        raise EncodeError(f"{path}: ffmpeg ended with status {status}: {said or 'no message'}")


def _hand_over(process: subprocess.Popen[bytes], path: Path, frames: Iterable[NDArray[np.uint8]]) -> bool:
    """Write all frames to ffmpeg; False where it stopped reading."""
    assert process.stdin is not None
    shape = None
    try:
        with process.stdin as pipe:
            for frame in frames:
                shape = shape or frame.shape
                if frame.shape != shape:
                    raise EncodeError(f"{path}: expected every frame to be {shape}, found {frame.shape}")
                pipe.write(np.ascontiguousarray(frame).data)
    except BrokenPipeError:
        return False
    return True


def _samples(waveform: NDArray[np.floating]) -> bytes:
    return np.clip(np.rint(waveform * 32768.0), -32768, 32767).astype("<i2").tobytes()
