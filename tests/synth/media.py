"""Small videos whose every frame and sample is known, made by ffmpeg at test time."""

import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from stages.params import Clip, Decode, Index

CLIP = Clip(duration_s=1.0, sample_rate_hz=8000, frame_rate_hz=8, frame_side_px=48)
DECODE = Decode(jpeg_quality=95, motion_rate_hz=24, motion_side_cells=4, videos_per_shard=2, timeout_s=30.0)
INDEX = Index(
    videos="videos",
    builtin=(),
    shifted=("shifted",),
    min_duration_s=0.5,
    max_duration_s=60.0,
    min_side_px=16,
    max_side_px=1024,
    max_frame_rate_hz=120.0,
    max_size_bytes=10**7,
    timeout_s=30.0,
    max_reject_share=0.9,
    validation_share=0.2,
    test_share=0.2,
    split_salt=1,
    cut_threshold=20.0,
    lists={},
    licences={},
)


def anew(_: str, find: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    """Remembers nothing: every file is looked at."""
    return find()


@dataclass(frozen=True, slots=True)
class Film:
    """A grey picture that grows brighter, full-range luma = `luma_per_s` * t, and a tone that sounds for a while."""

    duration_s: float = 3.0
    frame_rate_hz: int = 24
    height: int = 48
    width: int = 64
    luma_per_s: float = 60.0
    tone_hz: int = 440
    tone_from_s: float = 0.0
    tone_to_s: float = 99.0
    audio_delay_s: float = 0.0
    video_delay_s: float = 0.0


def luma_at(film: Film, time_s: float) -> float:
    """Full-range luma, 0..255, of the frame that is shown at a time: that of the last frame that began by then."""
    began_s = int(time_s * film.frame_rate_hz + 1e-6) / film.frame_rate_hz
    return film.luma_per_s * began_s


def write_film(path: Path, film: Film, *, sound: bool = True, extra: tuple[str, ...] = ()) -> Path:
    """Write a film as H.264 without loss and 16 bit PCM; `extra` are output options of ffmpeg, codecs for example."""
    path.parent.mkdir(parents=True, exist_ok=True)
    luma = f"16+T*{film.luma_per_s * 219 / 255:.6f}"
    size, rate = f"{film.width}x{film.height}", film.frame_rate_hz
    picture = f"nullsrc=s={size}:r={rate}:d={film.duration_s},geq=lum='{luma}':cb=128:cr=128,format=yuv420p"
    tone = f"0.5*sin(2*PI*{film.tone_hz}*t)*between(t,{film.tone_from_s},{film.tone_to_s})"
    inputs = ["-itsoffset", str(film.video_delay_s), "-f", "lavfi", "-i", picture]
    if sound:
        wave = f"aevalsrc={tone.replace(',', chr(92) + ',')}:s=8000:d={film.duration_s}"
        inputs += ["-itsoffset", str(film.audio_delay_s), "-f", "lavfi", "-i", wave, "-map", "1:a"]
    codecs = (
        "-c:v",
        "libx264",
        "-preset",
        "ultrafast",
        "-qp",
        "0",
        "-bf",
        "0",
        "-c:a",
        "pcm_s16le",
        "-fps_mode",
        "passthrough",
    )
    ffmpeg(*inputs, "-map", "0:v", *codecs, *extra, path=path)
    return path


def ffmpeg(*arguments: str, path: Path) -> Path:
    """Run ffmpeg to make `path`."""
    target = f"file:{path}"
    subprocess.run(["ffmpeg", "-nostdin", "-v", "error", "-y", "-threads", "1", *arguments, target], check=True)
    return path
