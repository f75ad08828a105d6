from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from stages import decode, index, layout
from stages.params import read
from stages.shards.check import ShardError
from stages.shards.files import sha256
from stages.shards.reader import ClipReader
from stages.shards.schema import Reject
from stages.shards.tables import read_rows
from tests.synth.media import CLIP, DECODE, INDEX, Film, luma_at, write_film

PARAMS = Path(__file__).resolve().parent.parent / "params.yaml"


@pytest.fixture
def workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PIXELS_SERIAL", "1")
    return tmp_path


def fill(root: Path) -> None:
    """Three good videos and one whose second half is missing, which its header does not say."""
    for number in range(3):
        write_film(root / "first" / f"{number}.mov", Film(duration_s=2.0, tone_hz=300 * (number + 1)))
    torn = write_film(root / "first" / "torn.mp4", Film(), extra=("-c:a", "aac", "-movflags", "+faststart"))
    torn.write_bytes(torn.read_bytes()[: torn.stat().st_size // 2])


def hashes(folder: Path) -> dict[str, str]:
    return {path.relative_to(folder).as_posix(): sha256(path) for path in folder.rglob("*") if path.is_file()}


def test_what_was_filmed_comes_out_and_a_torn_video_is_one_reject(workspace: Path) -> None:
    fill(workspace / "videos")
    index.run(CLIP, INDEX)
    decode.run(CLIP, DECODE, INDEX.videos, INDEX.max_reject_share)
    reader = ClipReader()
    assert Counter(clip.path for clip in reader.clips) == {f"first/{number}.mov": 2 for number in range(3)}
    for clip in reader.clips:
        start_s = clip.start_sample / CLIP.sample_rate_hz
        times_s = start_s + np.arange(clip.num_samples) / CLIP.sample_rate_hz
        tone_hz = 300 * (int(clip.path[6]) + 1)
        np.testing.assert_allclose(reader.audio(clip.clip_id), 0.5 * np.sin(2 * np.pi * tone_hz * times_s), atol=3e-4)
        for k, frame in enumerate(reader.frames(clip.clip_id, range(clip.num_frames))):
            assert frame.shape == (48, 64, 3)
            assert abs(frame.mean() - luma_at(Film(), start_s + k / CLIP.frame_rate_hz)) < 2
        assert reader.motion(clip.clip_id).shape == (24, 4, 4)
        assert clip.rms_db == pytest.approx(20 * np.log10(0.5) - 10 * np.log10(2), abs=0.02)
    (reject,) = read_rows(layout.DECODE_REJECTS, Reject)
    assert (reject.path, reject.stage, reject.reason) == ("first/torn.mp4", "decode", "damaged")


def test_a_rerun_another_store_and_workers_of_ray_give_the_same_bytes(
    workspace: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(workspace / "videos")
    index.run(CLIP, INDEX)
    found: list[dict[str, str]] = []
    for serial, store in (("1", "one"), ("1", "one"), ("", "other")):
        monkeypatch.setenv("PIXELS_SERIAL", serial)
        monkeypatch.setenv("PIXELS_WORKERS", "2")
        monkeypatch.setenv("PIXELS_STORE", str(workspace / store))
        decode.run(CLIP, DECODE, INDEX.videos, INDEX.max_reject_share)
        found.append(hashes(layout.DECODE))
    assert found[0] == found[1] == found[2]


def test_a_damaged_shard_is_found_and_remade_alone(workspace: Path) -> None:
    fill(workspace / "videos")
    index.run(CLIP, INDEX)
    decode.run(CLIP, DECODE, INDEX.videos, INDEX.max_reject_share)
    whole = hashes(layout.DECODE)
    shards = sorted(layout.SHARDS.iterdir())
    untouched = {path: path.stat().st_ino for path in shards[1:]}
    content = bytearray(shards[0].read_bytes())
    content[len(content) // 2] ^= 1
    shards[0].write_bytes(content)  # in place: the link in the store is damaged as well
    reader = ClipReader()
    with pytest.raises(ShardError, match=shards[0].name):
        [reader.audio(clip.clip_id) for clip in reader.clips]
    decode.run(CLIP, DECODE, INDEX.videos, INDEX.max_reject_share)
    assert hashes(layout.DECODE) == whole
    assert {path: path.stat().st_ino for path in shards[1:]} == untouched


def test_a_new_arrival_costs_its_own_shards_and_no_workers(workspace: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = write_film(workspace / "videos" / "first" / "0.mov", Film(duration_s=1.0))
    for number in range(1, 9):  # other content for less: a byte in a box that no reader looks at
        copy = first.with_name(f"{number}.mov")
        copy.write_bytes(first.read_bytes() + (9).to_bytes(4, "big") + b"free" + bytes([number]))
    index.run(CLIP, INDEX)
    decode.run(CLIP, DECODE, INDEX.videos, INDEX.max_reject_share)
    before = {path.name: path.stat().st_ino for path in layout.SHARDS.iterdir()}
    write_film(workspace / "videos" / "second" / "new.mov", Film(duration_s=1.0, tone_hz=800))
    monkeypatch.setenv("PIXELS_SERIAL", "")
    monkeypatch.setattr("stages.compute.pool._start", lambda _: pytest.fail("ray was started"))
    index.run(CLIP, INDEX)
    decode.run(CLIP, DECODE, INDEX.videos, INDEX.max_reject_share)
    after = {path.name: path.stat().st_ino for path in layout.SHARDS.iterdir()}
    assert (len(before), len(after)) == (5, 6)
    assert before.items() < after.items()
    assert len({clip.video_id for clip in ClipReader().clips}) == 10


def test_a_video_that_changed_since_the_index_ends_the_stage(workspace: Path) -> None:
    fill(workspace / "videos")
    index.run(CLIP, INDEX)
    write_film(workspace / "videos" / "first" / "0.mov", Film(duration_s=2.0, tone_hz=50))
    with pytest.raises(ValueError, match="changed since it was indexed"):
        decode.run(CLIP, DECODE, INDEX.videos, INDEX.max_reject_share)


def test_more_torn_videos_than_allowed_fail_the_stage_with_counts(workspace: Path) -> None:
    fill(workspace / "videos")
    index.run(CLIP, INDEX)
    with pytest.raises(ValueError, match=r"1 of 4 videos gave no clip \(damaged 1\).*max_reject_share = 0\.2\b"):
        decode.run(CLIP, DECODE, INDEX.videos, 0.2)
    (reject,) = read_rows(layout.DECODE_REJECTS, Reject)
    assert reject.path == "first/torn.mp4"
    decode.run(CLIP, DECODE, INDEX.videos, 0.25)


@pytest.mark.usefixtures("workspace")
def test_a_folder_of_which_nothing_decodes_fails_whatever_share_is_allowed() -> None:
    write_film(Path("videos/a.mov"), Film(tone_from_s=98.0))
    index.run(CLIP, INDEX)
    with pytest.raises(ValueError, match=r"1 of 1 videos gave no clip \(silent 1\)"):
        decode.run(CLIP, DECODE, INDEX.videos, 1.0)


@pytest.mark.real_media
@pytest.mark.usefixtures("workspace")
def test_real_clips_are_decoded_and_those_without_sound_refused(
    real_media: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PIXELS_SERIAL", "")
    params = read(PARAMS)
    bounds = params.index.model_copy(update={"videos": str(real_media / "real")})
    index.run(params.clip, bounds)
    decode.run(params.clip, params.decode, bounds.videos, bounds.max_reject_share)
    rejects = read_rows(layout.INDEX_REJECTS, Reject)
    names = ("calm_flute", "calm_guitar", "calm_harp", "calm_piano")
    assert [(reject.path, reject.reason) for reject in rejects] == [(f"{name}.mp4", "no_audio") for name in names]
    # its sound track is digital silence from end to end
    (silent,) = read_rows(layout.DECODE_REJECTS, Reject)
    assert (silent.path, silent.reason) == ("mfares_guitar.mp4", "silent")
    reader = ClipReader()
    assert len({clip.video_id for clip in reader.clips}) == 41
    for clip in reader.clips:
        assert len(reader.audio(clip.clip_id)) == 33075 and clip.num_frames == 24
        assert min(clip.height, clip.width) == 128
    quiet = {clip.path for clip in reader.clips if clip.rms_db < params.mixes.min_rms_db}
    assert len(quiet) <= 2
