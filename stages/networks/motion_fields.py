"""Reads what moves in a clip from the shards of `decode`, `flow` or `trajectories`, as a model's params say."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch

from stages import layout
from stages.networks.sight import Field, MotionWindows
from stages.params import Clip
from stages.separators import Model, Pixels
from stages.shards.flow_reader import FlowReader
from stages.shards.flow_schema import GRID_PX
from stages.shards.reader import ClipReader
from stages.shards.trajectory_reader import TrajectoryReader

_LEVELS = 255.0  # of luma


def open_motion(model: Model, clip: Clip, root: Path = Path()) -> MotionWindows | None:
    """Where a model sees motion, in the workspace `root`; None for one that looks at pictures alone."""
    if isinstance(model, Pixels):
        return None
    rate_hz = model.motion.rate_hz
    openers: dict[str, Callable[[], Callable[[str], Field]]] = {
        "difference": lambda: _differences(root),
        "flow": lambda: _flow(root, rate_hz),
        "trajectories": lambda: _trajectories(root, rate_hz),
    }
    opener = openers.get(model.motion.input)
    return MotionWindows(model.motion, clip, None if opener is None else opener())


def _differences(root: Path) -> Callable[[str], Field]:
    """Mean change of luma in each cell, 0 to 1: the whole frame lies on a square grid, whatever its shape."""
    reader = ClipReader(root / layout.DECODE)
    sizes = {clip.clip_id: (clip.height, clip.width) for clip in reader.clips}

    def read(clip_id: str) -> Field:
        levels = reader.motion_levels(clip_id)
        height, width = sizes[clip_id]
        return Field(torch.from_numpy(levels / _LEVELS)[:, None], (height / levels.shape[1], width / levels.shape[2]))

    return read


def _flow(root: Path, rate_hz: int) -> Callable[[str], Field]:
    """Displacement to the next frame in each cell; what is not to be believed counts, too."""
    reader = FlowReader(root / layout.FLOW)

    def read(clip_id: str) -> Field:
        _check_rate(reader.about(clip_id)["frame_rate_hz"], rate_hz, "flow", clip_id)
        return Field(torch.from_numpy(reader.flow_px(clip_id)), (GRID_PX, GRID_PX))

    return read


def _trajectories(root: Path, rate_hz: int) -> Callable[[str], Field]:
    """How far each point moves in each step, where it started; lost points stand still."""
    reader = TrajectoryReader(root / layout.TRAJECTORIES)

    def read(clip_id: str) -> Field:
        about = reader.about(clip_id)
        _check_rate(about["frame_rate_hz"], rate_hz, "trajectories", clip_id)
        step_px = int(about["grid_step_px"])
        return Field(torch.from_numpy(np.asarray(reader.motion_px(clip_id), np.float32)), (step_px, step_px))

    return read


def _check_rate(found: str, expected_hz: int, what: str, clip_id: str) -> None:
    """A model that was trained elsewhere may be used here, where `params.yaml` says otherwise."""
    if int(found) != expected_hz:
        raise ValueError(
            f"clip {clip_id}: {what} at {found} Hz, expected {expected_hz} Hz as the model was trained; use it where "
            f"clips are decoded at that rate, or train it anew"
        )
