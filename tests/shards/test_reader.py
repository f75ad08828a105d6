from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from stages.shards.check import ShardError
from stages.shards.files import read_json, sha256, write_json
from stages.shards.reader import ClipReader
from stages.shards.writer import open_shard
from tests.synth.shards import FORMAT, NUM_FRAMES, clip_media, decoded_folder


def test_a_clip_is_read_as_it_was_written(tmp_path: Path) -> None:
    written = decoded_folder(tmp_path, (2, 1))
    reader = ClipReader(tmp_path)
    assert [clip.clip_id for clip in reader.clips] == sorted(media.clip_id for media in written)
    for number, media in reversed(list(enumerate(written))):
        audio = reader.audio(media.clip_id)
        assert audio.dtype == np.float32 and np.abs(audio).max() < 1
        np.testing.assert_array_equal(audio * 32768, media.audio)
        np.testing.assert_array_equal(reader.motion(media.clip_id), media.motion)
        levels = reader.motion_levels(media.clip_id)
        assert levels.dtype == np.float32
        np.testing.assert_array_equal(levels, media.motion / 4)
        assert reader.num_frames(media.clip_id) == NUM_FRAMES
        for k, frame in zip((3, 0, 3), reader.frames(media.clip_id, (3, 0, 3)), strict=True):
            assert frame.shape == (16, 24, 3) and frame.dtype == np.uint8
            assert np.abs(frame.astype(int) - (20 * k + number)).max() <= 1


def test_a_shard_can_be_read_without_this_project(tmp_path: Path) -> None:
    (media,) = decoded_folder(tmp_path, (1,))
    file = pa.ipc.open_file(pa.memory_map(str(tmp_path / "shards" / "s0.arrow")))
    assert file.schema.metadata[b"schema_version"] == b"2"
    assert file.schema.metadata[b"sample_rate_hz"] == b"1000"
    assert all(field.metadata[b"about"] for field in file.schema)
    batch = file.get_batch(0)
    assert batch.column("audio")[0].as_py() == media.audio.tolist()
    assert batch.column("frames")[0].as_py() == list(media.frames)


def test_the_same_clips_give_the_same_bytes(tmp_path: Path) -> None:
    for name in ("a", "b"):
        decoded_folder(tmp_path / name, (3,))
    assert sha256(tmp_path / "a/shards/s0.arrow") == sha256(tmp_path / "b/shards/s0.arrow")
    assert sha256(tmp_path / "a/clips.parquet") == sha256(tmp_path / "b/clips.parquet")


def test_every_flipped_bit_is_found_and_its_shard_named(tmp_path: Path) -> None:
    written = decoded_folder(tmp_path, (1, 1))
    path = tmp_path / "shards" / "s1.arrow"
    whole = path.read_bytes()
    for position in np.random.default_rng(0).integers(0, len(whole) * 8, 40):
        torn = bytearray(whole)
        torn[position // 8] ^= 1 << (position % 8)
        path.write_bytes(torn)
        reader = ClipReader(tmp_path)
        reader.audio(written[0].clip_id)  # the other shard is still good
        with pytest.raises(ShardError, match=r"s1\.arrow.*damaged; run `PIXELS_VERIFY=1 dvc repro"):
            reader.audio(written[1].clip_id)


def test_a_truncated_or_missing_shard_is_named(tmp_path: Path) -> None:
    (media,) = decoded_folder(tmp_path, (1,))
    path = tmp_path / "shards" / "s0.arrow"
    path.write_bytes(path.read_bytes()[:-8])
    with pytest.raises(ShardError, match=r"s0\.arrow.*bytes"):
        ClipReader(tmp_path).audio(media.clip_id)
    path.unlink()
    with pytest.raises(ShardError, match=r"s0\.arrow: not found"):
        ClipReader(tmp_path).audio(media.clip_id)


def test_another_schema_version_is_refused_with_the_command_to_run(tmp_path: Path) -> None:
    decoded_folder(tmp_path, (1,))
    manifest = read_json(tmp_path / "manifest.json")
    write_json(tmp_path / "manifest.json", manifest | {"schema_version": 0})
    with pytest.raises(ShardError, match="schema version 0, expected 2; run `dvc repro index decode`"):
        ClipReader(tmp_path)


def test_unknown_clips_and_frames_are_refused(tmp_path: Path) -> None:
    (media,) = decoded_folder(tmp_path, (1,))
    reader = ClipReader(tmp_path)
    with pytest.raises(ValueError, match="clip other: not among the 1"):
        reader.audio("other")
    for index in (-1, NUM_FRAMES):
        with pytest.raises(ValueError, match=f"has {NUM_FRAMES} frames"):
            reader.frames(media.clip_id, [0, index])


def test_a_shard_that_was_not_finished_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(KeyError), open_shard(tmp_path / "s.arrow", FORMAT) as writer:
        writer.write(clip_media(0))
        raise KeyError
    assert list(tmp_path.iterdir()) == []
