"""Mixes to listen to beside a run: what went in, what came out, what it should have been, and whom it was shown.

Axes: N sources of a mix, S samples, P frames of a clip, H x W pixels.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Literal

import numpy as np
import simplejpeg
import soundfile
import torch
from numpy.typing import NDArray

from stages.audio.mixing import mix
from stages.networks.frames import to_input
from stages.networks.separation import Separator
from stages.networks.sight import MotionWindows, central, shown_frames
from stages.shards.reader import ClipReader
from stages.shards.schema import MixSource

_JPEG_QUALITY = 90


@dataclass(frozen=True, slots=True)
class Example:
    """One fixed mix with its media."""

    mix_id: str
    video_ids: tuple[str, ...]  # of the N sources
    references: NDArray[np.float32]  # (N, S)
    frames: tuple[tuple[NDArray[np.uint8], ...], ...]  # N groups of P pictures (H, W, 3)
    motion: NDArray[np.float32] | None = None  # (N, C, V, X, X) of their central squares, where the model sees motion

    @property
    def mixture(self) -> NDArray[np.float32]:
        """The waveform to separate, (S,)."""
        return mix(torch.from_numpy(self.references)).numpy()

    def square_frames(self) -> NDArray[np.uint8]:
        """Central squares of one common size, (N, P, X, X, 3); the separator looks at no more than that."""
        side = min(min(frame.shape[:2]) for group in self.frames for frame in group)
        return np.stack([np.stack([_centre(frame, side) for frame in group]) for group in self.frames])


def read_examples(
    reader: ClipReader,
    mixes: Sequence[MixSource],
    separator: Separator,
    count: int,
    windows: MotionWindows | None = None,
) -> list[Example]:
    """The first `count` test mixes, in the order of the table; `windows`: where the model sees motion, if it does."""
    rows = [row for row in mixes if row.split == "test"]
    groups = [list(sources) for _, sources in groupby(rows, key=lambda row: row.mix_id)]
    return [read_example(reader, sources, separator, windows) for sources in groups[:count]]


def write_example(
    example: Example, separator: Separator, folder: Path, *, mask: Literal["soft", "binary"], sample_rate_hz: int
) -> None:
    """Write mixture.flac and for each source <n>_reference.flac, <n>_estimate.flac and <n>_frame.jpg.

    What is no number in an estimate is silence: FLAC has no NaN, and the gate is to refuse a broken model, not a crash.
    """
    folder.mkdir(parents=True)
    crop_px = separator.model.appearance.crop_px
    pictures = torch.stack([to_input(group, crop_px, generator=None) for group in example.frames])
    motion = None if example.motion is None else torch.from_numpy(example.motion)[None]
    mixture = torch.from_numpy(example.mixture)[None]
    estimates = separator.separate(mixture, pictures[None], motion, mask=mask)[0].numpy()
    waveforms = {"mixture": example.mixture}
    waveforms |= {f"{n}_reference": reference for n, reference in enumerate(example.references)}
    waveforms |= {f"{n}_estimate": estimate for n, estimate in enumerate(estimates)}
    for name, waveform in waveforms.items():
        sound = np.clip(np.nan_to_num(waveform), -1, 1)
        soundfile.write(folder / f"{name}.flac", sound, sample_rate_hz, subtype="PCM_16")
    for n, group in enumerate(example.frames):
        encoded = simplejpeg.encode_jpeg(group[0], quality=_JPEG_QUALITY, colorspace="RGB")
        (folder / f"{n}_frame.jpg").write_bytes(encoded)


def read_example(
    reader: ClipReader, sources: Sequence[MixSource], separator: Separator, windows: MotionWindows | None = None
) -> Example:
    """One mix by its rows, with what a separator looks at: as many pictures, and motion where `windows` gives it."""
    look = separator.model.appearance
    ordered = sorted(sources, key=lambda row: row.source)
    waveforms = [reader.audio(row.clip_id) for row in ordered]
    num_samples = min(map(len, waveforms))
    ids = [row.clip_id for row in ordered]
    frames = tuple(tuple(reader.frames(clip_id, shown_frames(reader, clip_id, look, windows, None))) for clip_id in ids)
    _, motion = central(reader, ids, look, windows)
    return Example(
        mix_id=ordered[0].mix_id,
        video_ids=tuple(row.video_id for row in ordered),
        references=np.stack([waveform[:num_samples] for waveform in waveforms]),
        frames=frames,
        motion=None if motion is None else motion.numpy(),
    )


def _centre(frame: NDArray[np.uint8], side: int) -> NDArray[np.uint8]:
    top, left = (frame.shape[0] - side) // 2, (frame.shape[1] - side) // 2
    return frame[top : top + side, left : left + side]
