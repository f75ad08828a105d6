"""Onsets of all clips, found once for each decoded shard and kept in the store: new videos cost only themselves.

Axes: N clips, T motion frames, R regions of the picture, G cells a side.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from stages.audio.onsets import sound_onsets
from stages.metrics.coincidence import (
    cell_curves,
    coincidence_map,
    motion_rise,
    on_motion_frames,
    region_curves,
    spread_repeats,
    visual_onsets,
)
from stages.params import Clip, Coincidence
from stages.shards.check import ShardSum
from stages.shards.files import replacing
from stages.shards.reader import ClipReader
from stages.shards.schema import WINDOW, DecodedClip
from stages.shards.store import Store, source_digest

_ROOM = "coincidence"
_FILE = "onsets.npz"
_STAGES = Path(__file__).parents[1]
_CODE = ("audio/onsets.py", "metrics/coincidence.py", "metrics/onset_shards.py", "shards/reader.py")
_PACKAGES = ("torch", "torchaudio", "numpy")
# of the sections `clip` and `coincidence`, what decides about onsets
_DECISIVE = {
    "sample_rate_hz",
    "frame_rate_hz",
    "tolerance_frames",
    "lead_ms",
    "sound_gap_ms",
    "sound_rise",
    "motion_rise",
}
_ROUNDING = 1e-6  # of a frame: far above the error of float seconds


@dataclass(frozen=True, slots=True)
class Onsets:
    """What is known of N clips, in one order."""

    sound: Tensor  # bool (N, T)
    motion: Tensor  # bool (N, R, T)
    changes: Tensor  # float32 (N, G, G): mean change of each cell from one picture to the next, luma levels
    maps: Tensor  # int16 (N, G, G): ranks of cells, see `coincidence_map`


@dataclass(frozen=True, slots=True)
class OnsetMaker:
    """Finds the onsets of a shard's clips, or takes them from the store."""

    reader: ClipReader
    clip: Clip
    motion_rate_hz: int
    coincidence: Coincidence
    store: Path

    def __call__(self, clips: Sequence[DecodedClip], shard: ShardSum) -> Path:
        """Folder in the store with the onsets of all clips of a shard."""
        key = self._key(clips, shard)
        return Store(self.store).fetch_or_make(_ROOM, key, lambda folder: self._make(folder, clips))

    def find(self, clip: DecodedClip) -> Onsets:
        """Onsets of one clip, N = 1."""
        settings, rate_hz = self.coincidence, self.motion_rate_hz
        motion = torch.from_numpy(self.reader.motion_levels(clip.clip_id))
        rise = motion_rise(spread_repeats(motion))
        regions, cells = (
            visual_onsets(curves, rate_hz, tolerance=settings.tolerance_frames, rise=settings.motion_rise)
            for curves in (region_curves(rise), cell_curves(rise))
        )
        times_s = sound_onsets(
            torch.from_numpy(self.reader.audio(clip.clip_id)),
            self.clip.sample_rate_hz,
            gap_s=settings.sound_gap_ms / 1e3,
            rise=settings.sound_rise,
        )
        sound = on_motion_frames(times_s, len(motion), rate_hz, first_s=self._first_s(clip))
        ranks = coincidence_map(sound, cells, tolerance=settings.tolerance_frames)
        return Onsets(sound[None], regions[None], motion.mean(dim=0)[None], ranks.to(torch.int16)[None])

    def _first_s(self, clip: DecodedClip) -> float:
        """Time after the clip's first sample at which sound belongs to the first rise of motion."""
        start_s = clip.start_frame / self.clip.frame_rate_hz
        first_motion = np.ceil(start_s * self.motion_rate_hz - _ROUNDING)
        picture_s = (first_motion - 1) / self.motion_rate_hz - clip.start_sample / self.clip.sample_rate_hz
        return float(picture_s) + self.coincidence.lead_ms / 1e3

    def _make(self, folder: Path, clips: Sequence[DecodedClip]) -> None:
        found = joined([self.find(clip) for clip in clips])
        arrays = {name: getattr(found, name).numpy() for name in Onsets.__slots__}
        np.savez(folder / _FILE, allow_pickle=False, **arrays)

    def _key(self, clips: Sequence[DecodedClip], shard: ShardSum) -> dict[str, Any]:
        params = {"clip": self.clip, "coincidence": self.coincidence}
        return {
            "shard": shard.sha256,
            "clips": [[clip.clip_id, clip.row, *(getattr(clip, name) for name in WINDOW)] for clip in clips],
            "videos": sorted({clip.video_id for clip in clips}),
            "motion_rate_hz": self.motion_rate_hz,
            "params": {name: section.model_dump(include=_DECISIVE) for name, section in params.items()},
            "code": source_digest(*(_STAGES / place for place in _CODE)),
            "packages": {name: version(name) for name in _PACKAGES},
        }


def read_onsets(folder: Path) -> Onsets:
    """Onsets of the clips of a shard, in the order in which they were asked for."""
    with np.load(folder / _FILE) as arrays:
        return Onsets(**{name: torch.from_numpy(arrays[name]) for name in Onsets.__slots__})


def write_maps(path: Path, clips: Sequence[DecodedClip], onsets: Onsets) -> None:
    """Write `clip_id` (N,) and `rank` int16 (N, G, G), sorted by clip_id, as .npz."""
    order = sorted(range(len(clips)), key=lambda n: clips[n].clip_id)
    with replacing(path) as temporary, temporary.open("wb") as handle:
        names = np.array([clips[n].clip_id for n in order], dtype=np.str_)
        np.savez(handle, allow_pickle=False, clip_id=names, rank=onsets.maps[torch.tensor(order)].numpy())


def joined(parts: Sequence[Onsets]) -> Onsets:
    """All clips of several, in their order."""
    return Onsets(**{name: torch.cat([getattr(part, name) for part in parts]) for name in Onsets.__slots__})
