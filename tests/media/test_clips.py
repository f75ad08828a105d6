from pathlib import Path

import numpy as np
import pytest
import simplejpeg

from stages.media.clips import Cut, DecodedVideo, decode_clips, decode_video, stored_size
from stages.media.clock import Window, windows
from stages.media.faults import MediaError
from stages.media.source import open_source
from stages.media.tracks import MOTION_GAIN
from stages.params import Clip
from tests.synth.media import CLIP, DECODE, Film, ffmpeg, luma_at, write_film

RATE_HZ = CLIP.sample_rate_hz


def decode(path: Path, clip: Clip = CLIP) -> DecodedVideo:
    with open_source(path) as source:
        return decode_video(source, clip, DECODE)


def cuts(path: Path) -> list[Cut]:
    video = decode(path)
    found = windows(video.facts.usable_start_s, video.facts.usable_end_s, CLIP)
    whole = [video.cut(window, CLIP, DECODE.motion_rate_hz) for window in found]
    assert all(cut is not None for cut in whole)
    return [cut for cut in whole if cut is not None]


def luma(encoded: bytes) -> float:
    return float(simplejpeg.decode_jpeg(encoded, colorspace="GRAY").mean())


def onset_s(audio: np.ndarray) -> float:
    return int(np.argmax(np.abs(audio.astype(int)) > 1000)) / RATE_HZ


@pytest.mark.parametrize("frame_rate_hz", [10, 24, 25])
def test_frames_are_those_shown_at_their_time_and_samples_those_heard(tmp_path: Path, frame_rate_hz: int) -> None:
    film = Film(frame_rate_hz=frame_rate_hz)
    found = cuts(write_film(tmp_path / "a.mov", film))
    assert len(found) == 3
    for second, cut in enumerate(found):
        for number, frame in enumerate(cut.frames):
            assert luma(frame) == pytest.approx(luma_at(film, second + number / 8), abs=1.5)
        times_s = second + np.arange(RATE_HZ) / RATE_HZ
        expected = 0.5 * np.sin(2 * np.pi * film.tone_hz * times_s)
        np.testing.assert_allclose(cut.audio / 32768, expected, atol=2e-4)


def test_motion_is_the_change_from_the_frame_before_across_clips(tmp_path: Path) -> None:
    film = Film()
    first, second, _ = cuts(write_film(tmp_path / "a.mov", film))
    assert first.motion.shape == (24, 4, 4)
    assert first.motion[0].max() == 0  # nothing came before
    step = MOTION_GAIN * film.luma_per_s / 24
    for motion in (first.motion[1:], second.motion):  # the second clip knows the last frame of the first
        assert motion.mean() == pytest.approx(step, abs=0.6)  # on average: luma is stored in whole steps
        assert np.abs(motion.astype(float) - step).max() <= 2 * MOTION_GAIN


@pytest.mark.parametrize("suffix", ["mov", "mkv"])
@pytest.mark.parametrize(("audio_delay_s", "video_delay_s"), [(0.5, 0.0), (0.0, 0.5), (0.0, 0.0)])
def test_picture_and_sound_stay_together(
    tmp_path: Path, suffix: str, audio_delay_s: float, video_delay_s: float
) -> None:
    """The tone begins 1 s into the sound track, luma 60 is reached 1 s into the picture track."""
    film = Film(tone_from_s=1.0, audio_delay_s=audio_delay_s, video_delay_s=video_delay_s)
    video = decode(write_film(tmp_path / f"a.{suffix}", film))
    whole = Window(0, len(video.sound), 0, len(video.frames))
    cut = video.cut(whole, CLIP, DECODE.motion_rate_hz)
    assert cut is not None
    assert onset_s(cut.audio) == pytest.approx(1.0 + audio_delay_s, abs=0.003)
    for number in range(int(8 * video_delay_s) + 1, 24):
        assert luma(cut.frames[number]) == pytest.approx(luma_at(film, number / 8 - video_delay_s), abs=4)


def test_timestamps_that_begin_late_are_no_gap(tmp_path: Path) -> None:
    plain = write_film(tmp_path / "a.mkv", Film(duration_s=2.0))
    late = ffmpeg("-i", str(plain), "-c", "copy", "-output_ts_offset", "100", path=tmp_path / "b.mkv")
    for one, other in zip(cuts(plain), cuts(late), strict=True):
        assert one.frames == other.frames
        np.testing.assert_array_equal(one.audio, other.audio)


def test_variable_frame_rate_is_sampled_by_time(tmp_path: Path) -> None:
    film = Film(frame_rate_hz=24)
    drop = ("-vf", "select='not(between(n,10,30))'", "-fps_mode", "vfr")
    found = cuts(write_film(tmp_path / "a.mkv", film, extra=drop))
    for number, frame in enumerate([*found[0].frames, *found[1].frames]):
        time_s = number / 8
        shown_s = 9 / 24 if 10 / 24 <= time_s < 31 / 24 else time_s
        assert luma(frame) == pytest.approx(luma_at(film, shown_s), abs=2), number


def test_frames_are_upright_and_keep_their_aspect(tmp_path: Path) -> None:
    # the left half is white: turned by 90 degrees it lies at the top or at the bottom, over the whole width
    half = ("-vf", "drawbox=x=0:y=0:w=iw/2:h=ih:color=white:t=fill")
    plain = write_film(tmp_path / "a.mp4", Film(duration_s=1.0, luma_per_s=0), extra=(*half, "-c:a", "aac"))
    turned = ffmpeg("-i", str(plain), "-c", "copy", "-metadata:s:v", "rotate=90", path=tmp_path / "b.mp4")
    picture = simplejpeg.decode_jpeg(cuts(turned)[0].frames[0], colorspace="GRAY")[..., 0]
    assert picture.shape == (64, 48)
    top, bottom = picture[:30].mean(), picture[34:].mean()
    assert sorted((round(top), round(bottom))) == pytest.approx([0, 255], abs=4)


@pytest.mark.parametrize(
    ("size", "expected"),
    [((360, 640), (128, 228)), ((1080, 1920), (128, 228)), ((576, 320), (230, 128)), ((16, 16), (128, 128))],
)
def test_the_shorter_side_is_given_and_both_are_even(size: tuple[int, int], expected: tuple[int, int]) -> None:
    assert stored_size(*size, 128) == expected


def test_the_middle_of_a_very_wide_picture_is_kept(tmp_path: Path) -> None:
    found = cuts(write_film(tmp_path / "a.mov", Film(duration_s=1.0, height=16, width=640)))
    assert (found[0].height, found[0].width) == (48, 4 * 48)


def test_a_centre_channel_is_heard_and_opposite_channels_do_not_cancel(tmp_path: Path) -> None:
    film = Film(duration_s=1.0)
    centre = ("-af", "pan=5.1|FC=c0", "-c:a", "pcm_s16le")
    opposite = ("-af", "pan=stereo|c0=c0|c1=-1*c0")
    for name, extra in {"centre": centre, "opposite": opposite}.items():
        audio = cuts(write_film(tmp_path / f"{name}.mkv", film, extra=extra))[0].audio
        assert np.abs(audio.astype(int)).max() > 3000, name


def test_clips_are_cut_in_the_order_asked_for_and_what_is_missing_is_none(tmp_path: Path) -> None:
    path = write_film(tmp_path / "a.mov", Film(duration_s=2.0))
    with open_source(path) as source:
        video_id = source.video_id
    asked = [Window(RATE_HZ, RATE_HZ, 8, 8), Window(0, RATE_HZ, 0, 8), Window(2 * RATE_HZ, RATE_HZ, 16, 8)]
    second, first, third = decode_clips(path, asked, video_id=video_id, clip=CLIP, decode=DECODE)
    assert third is None
    assert first is not None and second is not None
    assert luma(first.frames[0]) < luma(second.frames[0])


def test_a_file_that_is_gone_or_another_is_an_error_and_no_reject(tmp_path: Path) -> None:
    path = write_film(tmp_path / "a.mov", Film(duration_s=1.0))
    with pytest.raises(ValueError, match="changed since it was indexed; run"):
        next(decode_clips(path, [], video_id="0" * 16, clip=CLIP, decode=DECODE), None)
    path.unlink()
    with pytest.raises(ValueError, match=r"a\.mov: unreadable: .* since it was indexed; run") as caught:
        next(decode_clips(path, [], video_id="0" * 16, clip=CLIP, decode=DECODE), None)
    assert not isinstance(caught.value, MediaError)


def test_damage_inside_is_found_though_ffmpeg_returns_0(tmp_path: Path) -> None:
    path = write_film(tmp_path / "a.mp4", Film(), extra=("-c:a", "aac", "-movflags", "+faststart"))
    whole = path.read_bytes()
    noise = np.random.default_rng(1).integers(0, 256, len(whole) // 3, np.uint8).tobytes()
    (tmp_path / "torn.mp4").write_bytes(whole[: len(whole) // 2])
    (tmp_path / "noisy.mp4").write_bytes(whole[: len(whole) // 3] + noise + whole[len(whole) // 3 + len(noise) :])
    for name in ("torn", "noisy"):
        with pytest.raises(MediaError) as caught:
            decode(tmp_path / f"{name}.mp4")
        assert caught.value.reason == "damaged", name


def test_two_runs_give_the_same_bytes(tmp_path: Path) -> None:
    path = write_film(tmp_path / "a.mkv", Film(duration_s=1.0), extra=("-c:a", "aac", "-ar", "44100"))
    (one,), (other,) = cuts(path), cuts(path)
    assert one.frames == other.frames
    np.testing.assert_array_equal(one.audio, other.audio)
    np.testing.assert_array_equal(one.motion, other.motion)
