import json
import subprocess
from pathlib import Path

import numpy as np
import pytest

from stages.media.encode import EncodeError, write_video

RATE_HZ, SAMPLE_RATE_HZ = 12, 22050
DURATION_S = 2


def moving_square() -> np.ndarray:
    frames = np.full((RATE_HZ * DURATION_S, 48, 64, 3), 60, np.uint8)
    for t, frame in enumerate(frames):
        frame[16:32, 2 * t : 2 * t + 16] = (200, 180, 40)
    return frames


def clicks() -> np.ndarray:
    """Short bursts at places that tell any shift."""
    wave = np.zeros(SAMPLE_RATE_HZ * DURATION_S)
    for start in (4000, 11000, 30001):
        wave[start : start + 400] = 0.5 * np.sin(2 * np.pi * 1500 * np.arange(400) / SAMPLE_RATE_HZ)
    return wave


def decoded(path: Path, *options: str) -> bytes:
    command = ["ffmpeg", "-nostdin", "-loglevel", "error", "-i", str(path), *options, "pipe:1"]
    return subprocess.run(command, capture_output=True, check=True, timeout=60).stdout


@pytest.fixture(scope="module")
def video(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("encode") / "folder" / "video.mp4"
    write_video(path, moving_square(), RATE_HZ, clicks(), SAMPLE_RATE_HZ)
    return path


def test_frames_come_back_in_number_order_and_colour(video: Path) -> None:
    raw = decoded(video, "-f", "rawvideo", "-pix_fmt", "rgb24")
    frames = np.frombuffer(raw, np.uint8).reshape(-1, 48, 64, 3).astype(float)
    assert len(frames) == RATE_HZ * DURATION_S
    assert np.sqrt(np.mean((frames - moving_square()) ** 2)) < 12


def test_sound_comes_back_at_its_place(video: Path) -> None:
    heard = np.frombuffer(decoded(video, "-f", "f32le", "-ac", "1"), np.float32)
    sent = clicks()
    assert len(heard) >= len(sent)
    correlation = np.fft.irfft(np.fft.rfft(heard[: len(sent)]) * np.conj(np.fft.rfft(sent)))
    assert int(np.argmax(correlation)) == 0
    assert np.corrcoef(heard[: len(sent)], sent)[0, 1] > 0.95


def test_streams_are_h264_and_aac(video: Path) -> None:
    command = ["ffprobe", "-loglevel", "error", "-show_streams", "-of", "json", str(video)]
    streams = json.loads(subprocess.run(command, capture_output=True, check=True, timeout=60).stdout)["streams"]
    assert [stream["codec_name"] for stream in streams] == ["h264", "aac"]
    assert streams[0]["pix_fmt"] == "yuv420p"
    assert streams[0]["avg_frame_rate"] == f"{RATE_HZ}/1"


def test_the_same_input_gives_the_same_bytes(video: Path, tmp_path: Path) -> None:
    other = tmp_path / "other.mp4"
    write_video(other, iter(moving_square()), RATE_HZ, clicks(), SAMPLE_RATE_HZ)
    assert other.read_bytes() == video.read_bytes()


def test_what_lies_outside_full_scale_is_clipped_and_does_not_wrap(tmp_path: Path) -> None:
    path = tmp_path / "loud.mp4"
    wave = 3.0 * np.sin(2 * np.pi * 200 * np.arange(SAMPLE_RATE_HZ * DURATION_S) / SAMPLE_RATE_HZ)
    write_video(path, moving_square(), RATE_HZ, wave, SAMPLE_RATE_HZ)
    heard = np.frombuffer(decoded(path, "-f", "f32le", "-ac", "1"), np.float32)[: len(wave)]
    assert np.corrcoef(heard, np.clip(wave, -1, 1))[0, 1] > 0.98


@pytest.mark.parametrize(
    ("frames", "message"),
    [
        ([], "found none"),
        ([np.zeros((47, 64, 3), np.uint8)], r"even H and W, found \(47, 64, 3\)"),
        ([np.zeros((48, 64), np.uint8)], r"found \(48, 64\)"),
        ([np.zeros((48, 64, 3), np.uint8), np.zeros((64, 48, 3), np.uint8)], r"found \(64, 48, 3\)"),
    ],
)
def test_bad_frames_are_refused_and_leave_nothing(frames: list[np.ndarray], message: str, tmp_path: Path) -> None:
    with pytest.raises(EncodeError, match=message):
        write_video(tmp_path / "video.mp4", frames, RATE_HZ, clicks(), SAMPLE_RATE_HZ)
    assert list(tmp_path.iterdir()) == []


def test_a_failure_of_ffmpeg_is_told_and_leaves_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "video.mp4"
    path.write_bytes(b"old")
    with pytest.raises(EncodeError, match=r"video\.mp4: ffmpeg ended with status"):
        write_video(path, moving_square(), 0, clicks(), SAMPLE_RATE_HZ)
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]
