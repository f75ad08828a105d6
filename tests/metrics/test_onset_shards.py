"""Onsets of stored clips: on the right clock wherever a clip begins, kept in the store under all they depend on."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from stages import layout
from stages.metrics.onset_shards import OnsetMaker, joined, read_onsets, write_maps
from stages.params import Clip, Coincidence, read
from stages.shards.check import DECODED, read_manifest
from stages.shards.reader import ClipReader
from stages.shards.schema import ClipMedia, DecodedClip
from stages.shards.tables import write_rows
from stages.shards.writer import ShardFormat, open_shard, write_manifest
from tests.synth.learning import decoded

SETTINGS: Coincidence = read(Path(__file__).resolve().parents[2] / "params.yaml").coincidence
CLIP = Clip(duration_s=3.0, sample_rate_hz=11025, frame_rate_hz=10, frame_side_px=40)
MOTION_HZ, CELLS, NUM_MOTIONS = 24, 4, 72
FORMAT = ShardFormat(frame_rate_hz=10, sample_rate_hz=11025, motion_rate_hz=24, motion_side_cells=CELLS, motion_gain=4)
EVENTS_S = (0.7, 1.3, 1.95, 2.5)  # after the clip's start


def heard(times_s: NDArray[np.float64]) -> NDArray[np.int16]:
    """Chords that are struck at these times and die away."""
    time_s = np.arange(3 * CLIP.sample_rate_hz) / CLIP.sample_rate_hz
    sound = np.zeros_like(time_s)
    for start_s in times_s:
        since_s = np.clip(time_s - start_s, 0, None)
        tones = sum(np.sin(2 * np.pi * pitch_hz * since_s) for pitch_hz in (330, 495, 1320, 2640))
        sound += np.where(time_s >= start_s, np.exp(-4 * since_s), 0) * tones
    return np.round(3000 * sound).astype(np.int16)


def seen(picture_numbers: NDArray[np.int64]) -> NDArray[np.uint8]:
    """Motion in the upper left cell for four frames after each of these pictures, and a little everywhere always."""
    motion = np.full((NUM_MOTIONS, CELLS, CELLS), 4, np.uint8)
    for number in picture_numbers:
        motion[number + 1 : number + 5, 0, 0] = 80
    return motion


def write_clips(root: Path, clips: dict[DecodedClip, ClipMedia]) -> None:
    with open_shard(root / layout.SHARDS / "all.arrow", FORMAT) as shard:
        rows = [replace(clip, row=shard.write(media)) for clip, media in clips.items()]
    write_manifest(root / layout.MANIFEST, {root / layout.SHARDS / "all.arrow": len(rows)})
    write_rows(root / layout.DECODED_CLIPS, rows, DecodedClip)


def struck(name: str, start_frame: int) -> tuple[DecodedClip, ClipMedia]:
    """A clip in which something begins to move 50 ms before each sound, on the clock of its video."""
    start_s = start_frame / CLIP.frame_rate_hz
    start_sample = int(np.ceil(start_s * CLIP.sample_rate_hz - 1e-6))
    first_motion = int(np.ceil(start_s * MOTION_HZ - 1e-6))
    moved_s = start_s + np.array(EVENTS_S) - SETTINGS.lead_ms / 1e3
    pictures = np.round(moved_s * MOTION_HZ).astype(
        int
    )  # the picture at which it begins, counted from the video's start
    sounds_s = pictures / MOTION_HZ + SETTINGS.lead_ms / 1e3 - start_sample / CLIP.sample_rate_hz
    media = ClipMedia(name, f"video-{name}", (b"x",), 40, 48, heard(sounds_s), seen(pictures - first_motion))
    clip = decoded(name, start_frame=start_frame, start_sample=start_sample, num_samples=33075, num_frames=30)
    return clip, media


@pytest.fixture
def make(tmp_path: Path) -> OnsetMaker:
    """For clips that begin on a frame of the motion signal and between two."""
    write_clips(tmp_path, dict(struck(f"{kind}-0", start) for kind, start in enumerate((0, 30, 7, 13))))
    return OnsetMaker(ClipReader(tmp_path / layout.DECODE), CLIP, MOTION_HZ, SETTINGS, tmp_path / "store")


def test_sound_and_motion_meet_wherever_a_clip_begins(make: OnsetMaker) -> None:
    for clip in make.reader.clips:
        found = make.find(clip)
        moving = found.motion[0, 0].nonzero()[:, 0]
        sounding = found.sound[0].nonzero()[:, 0]
        assert len(moving) == len(sounding) == len(EVENTS_S), clip.start_frame
        # a note that begins with a click is heard half a lag of 30 ms early: a third of a frame
        assert (sounding - moving).abs().max() <= 1 and (sounding - moving).float().mean() <= 0, clip.start_frame
        assert not found.motion[0, -1].any()
        assert found.maps[0, 0, 0] == len(EVENTS_S) == found.maps.amax()
        assert found.maps[0, 3, 3] == 0
        assert found.changes[0, 3, 3] == 1.0  # four stored units a luma level


def test_what_is_stored_is_what_was_found(make: OnsetMaker, tmp_path: Path) -> None:
    clips = list(make.reader.clips)
    (shard,) = read_manifest(tmp_path / layout.MANIFEST, DECODED).values()
    stored = read_onsets(make(clips, shard))
    expected = joined([make.find(clip) for clip in clips])
    assert all(torch.equal(getattr(stored, name), getattr(expected, name)) for name in ("sound", "motion", "maps"))
    write_maps(tmp_path / "maps.npz", list(reversed(clips)), replace(stored, maps=stored.maps.flip(0)))
    with np.load(tmp_path / "maps.npz") as arrays:
        assert arrays["clip_id"].tolist() == [clip.clip_id for clip in clips]
        assert (arrays["rank"] == stored.maps.numpy()).all()


def test_the_place_in_the_store_follows_from_all_that_decides(make: OnsetMaker, tmp_path: Path) -> None:
    clips = list(make.reader.clips)
    (shard,) = read_manifest(tmp_path / layout.MANIFEST, DECODED).values()
    own = make(clips, shard)
    same = replace(make, coincidence=SETTINGS.model_copy(update={"dubbed_lift": 0.5, "lead_range_frames": 0}))
    assert same(clips, shard) == own
    others = [
        replace(make, coincidence=SETTINGS.model_copy(update={"motion_rise": 0.5}))(clips, shard),
        replace(make, coincidence=SETTINGS.model_copy(update={"lead_ms": 20.0}))(clips, shard),
        make([replace(clip, start_frame=clip.start_frame + 1) for clip in clips], shard),
        make(clips, replace(shard, sha256="0" * 64)),
    ]
    assert len({own, *others}) == 5
