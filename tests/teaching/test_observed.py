"""Frames of decoded clips as pairs."""

from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import pytest
import simplejpeg
import torch

from stages.shards.schema import DecodedClip
from stages.shards.tables import write_rows
from stages.shards.writer import open_shard, write_manifest
from stages.teaching.lessons import Lessons, Limits
from stages.teaching.observed import Observed
from stages.teaching.pupil import Pupil
from stages.training.interrupt import Stop
from tests.synth.shards import FORMAT, NUM_FRAMES, clip_media, clip_row, decoded_folder
from tests.teaching.test_lessons import CPU, LITE, TINY, Silent, same


def clip_of(folder: Path, frames: list[np.ndarray], split: str = "train") -> None:
    """A decoded folder with one clip."""
    encoded = tuple(simplejpeg.encode_jpeg(frame, quality=100, colorsubsampling="444") for frame in frames)
    height, width = frames[0].shape[:2]
    media = replace(clip_media(0), frames=encoded, height=height, width=width)
    path = folder / "shards/s0.arrow"
    with open_shard(path, FORMAT) as writer:
        where = {"shard": path.name, "row": writer.write(media), "height": height, "width": width}
    row = replace(clip_row(0), split=split, num_frames=len(frames))
    write_rows(folder / "clips.parquet", [DecodedClip(**asdict(row), **where, rms_db=-20.0, peak=0.6)], DecodedClip)
    write_manifest(folder / "manifest.json", {path: 1})


def ramps() -> list[np.ndarray]:
    """Brightness tells the place along x, and colour the frame."""
    ramp = np.broadcast_to(np.arange(100, dtype=np.uint8)[None, :, None], (80, 100, 3)).copy()
    frames = [ramp.copy() for _ in range(NUM_FRAMES)]
    for number, frame in enumerate(frames):
        frame[..., 2] = 60 * number
    return frames


def test_both_frames_show_the_same_square_of_neighbouring_frames(tmp_path: Path) -> None:
    clip_of(tmp_path, ramps())
    observed = Observed(tmp_path, replace(TINY, scenes=8), CPU)
    firsts, seconds = observed.at(0)
    assert firsts.shape == seconds.shape == (8, 3, 64, 64)
    assert float((firsts[:, 0] - seconds[:, 0]).abs().max()) < 0.05
    numbers = [(255 * frames[:, 2].mean(dim=(1, 2)) / 60).round() for frames in (firsts, seconds)]
    apart = (numbers[0] - numbers[1]).abs()
    assert set(apart.tolist()) == {1.0, 2.0}
    assert len({float(frame[0].mean()) for frame in firsts}) > 2  # not always the same square


def test_pairs_depend_on_seed_and_step_alone(tmp_path: Path) -> None:
    clip_of(tmp_path, ramps())
    one, other = (Observed(tmp_path, TINY, CPU) for _ in range(2))
    other.at(1)
    assert all(torch.equal(a, b) for a, b in zip(one.at(5), other.at(5), strict=True))
    assert not torch.equal(one.at(5)[0], Observed(tmp_path, replace(TINY, seed=9), CPU).at(5)[0])


def test_small_frames_are_enlarged(tmp_path: Path) -> None:
    decoded_folder(tmp_path, (2,))
    assert Observed(tmp_path, TINY, CPU).at(0)[0].shape == (1, 3, 64, 64)


def test_held_out_clips_are_not_learnt_from(tmp_path: Path) -> None:
    clip_of(tmp_path, ramps(), split="test")
    with pytest.raises(ValueError, match="no training clip"):
        Observed(tmp_path, TINY, CPU)


def test_lessons_take_turns_and_resume_bit_by_bit(tmp_path: Path) -> None:
    clip_of(tmp_path / "decode", ramps())
    pupils = {name: Pupil(LITE, TINY, CPU) for name in ("whole", "part", "rest")}
    for name, (run, steps) in {"whole": ("a", 5), "part": ("b", 2), "rest": ("b", 5)}.items():
        (tmp_path / run).mkdir(exist_ok=True)
        lessons = Lessons(pupils[name], tmp_path / run, Silent(), tmp_path / "decode")
        progress = lessons.complete(Limits(1e9, steps), Stop())
        assert (progress.step, progress.unlabelled_batches) == (steps, steps // 2)
    assert same(pupils["whole"], pupils["rest"])
