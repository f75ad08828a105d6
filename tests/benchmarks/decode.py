"""Decoding beside two naked passes and beside a decode to nothing: `python -m tests.benchmarks.decode [result.json]`.

Two passes are what users do today: the frames of the grid as JPEG in full size, then the sound as WAV. Ours gives
scaled JPEGs, sound and motion from one pass, in the sandbox, and cuts all clips.
"""

import multiprocessing
import resource
import subprocess
import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from stages.media.clips import decode_video
from stages.media.clock import windows
from stages.media.source import open_source
from stages.params import Clip, Decode, read
from tests.benchmarks.timing import interleaved, peak_kib, tell

PARAMS = Path(__file__).resolve().parent.parent.parent / "params.yaml"
DURATION_S, REPEATS = 60, 5
SIZES = {"SD": "640x360", "HD": "1280x720"}
NAKED = ("ffmpeg", "-nostdin", "-v", "error", "-y", "-threads", "1", "-i")


def film(folder: Path, size: str) -> Path:
    """Movement all over the picture, a camera's noise and a tone, as H.264 and AAC; six seconds, played ten times."""
    part, path, part_s = folder / "part.mp4", folder / f"{size}.mp4", DURATION_S // 10
    picture = f"testsrc2=s={size}:r=25:d={part_s},noise=alls=6:allf=t"
    sound = f"aevalsrc=0.3*sin(440*2*PI*t)|0.3*sin(660*2*PI*t):s=44100:d={part_s}"
    codecs = ("-c:v", "libx264", "-preset", "veryfast", "-crf", "26", "-pix_fmt", "yuv420p", "-c:a", "aac")
    make = ("ffmpeg", "-nostdin", "-v", "error", "-y")
    subprocess.run([*make, "-f", "lavfi", "-i", picture, "-f", "lavfi", "-i", sound, *codecs, str(part)], check=True)
    subprocess.run([*make, "-stream_loop", "9", "-i", str(part), "-c", "copy", str(path)], check=True)
    return path


def two_passes(path: Path, clip: Clip, folder: Path) -> None:
    frames = ("-vf", f"fps={clip.frame_rate_hz}", "-q:v", "2", str(folder / "%05d.jpg"))
    sound = ("-vn", "-ac", "1", "-ar", str(clip.sample_rate_hz), str(folder / "sound.wav"))
    for output in (frames, sound):
        subprocess.run([*NAKED, str(path), *output], check=True)


def raw(path: Path) -> None:
    subprocess.run([*NAKED, str(path), "-f", "null", "-"], check=True)


def ours(path: Path, clip: Clip, decode: Decode) -> int:
    """Number of clips."""
    with open_source(path) as source:
        video = decode_video(source, clip, decode)
    found = windows(video.facts.usable_start_s, video.facts.usable_end_s, clip)
    cuts = [video.cut(window, clip, decode.motion_rate_hz) for window in found]
    return sum(cut is not None for cut in cuts)


def peaks_mb(path: Path, clip: Clip, decode: Decode) -> dict[str, float]:
    """Largest resident size of ffmpeg, and what decoding adds to that of the process that calls it."""
    before_kib = peak_kib()
    ours(path, clip, decode)
    own_kib = peak_kib() - before_kib
    return {"ffmpeg": resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1e3, "added": own_kib / 1e3}


def compare(path: Path, clip: Clip, decode: Decode) -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as name, multiprocessing.get_context("spawn").Pool(1) as fresh:
        methods: dict[str, Callable[[], object]] = {
            "two passes": partial(two_passes, path, clip, Path(name)),
            "raw": partial(raw, path),
            "ours": partial(ours, path, clip, decode),
        }
        spent_s = interleaved(methods, REPEATS)
        peak_mb = fresh.apply(peaks_mb, (path, clip, decode))
    return {
        "clips": ours(path, clip, decode),
        "cpu_s": {name: round(value, 2) for name, value in spent_s.items()},
        "two_passes_over_ours": round(spent_s["two passes"] / spent_s["ours"], 2),
        "ours_over_raw": round(spent_s["ours"] / spent_s["raw"], 2),
        "peak_mb": {name: round(value) for name, value in peak_mb.items()},
    }


def main() -> None:
    params = read(PARAMS)
    with tempfile.TemporaryDirectory() as name:
        films = {label: film(Path(name), size) for label, size in SIZES.items()}
        results = {label: compare(path, params.clip, params.decode) for label, path in films.items()}
    tell({"duration_s": DURATION_S, "sizes": SIZES, "n": REPEATS, "threads": 1, "results": results})


if __name__ == "__main__":
    main()
