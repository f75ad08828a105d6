"""The sheet of flow and trajectories: which half second it shows, and what it shows of whom."""

from pathlib import Path

import numpy as np
import pytest
import skia
import torch
from numpy.typing import NDArray

from infra.motion_sheet import COLUMNS, DOUBTED, GAP_PX, HEAD_PX, STEPS, Scene, Stretch, draw, liveliest, scene
from stages.params import read

SIDE_PX = 96


def sliding(num_frames: int, step_px: int) -> torch.Tensor:
    """A smooth texture that moves to the right, (T, 3, H, W)."""
    coarse = torch.rand(1, 3, 16, 64, generator=torch.Generator().manual_seed(1))
    wide = torch.nn.functional.interpolate(coarse, size=(SIDE_PX, 4 * SIDE_PX), mode="bicubic")[0].clamp(0, 1)
    lefts = [2 * SIDE_PX - step_px * frame for frame in range(num_frames)]
    return torch.stack([wide[:, :, left : left + SIDE_PX] for left in lefts])


def shown(scenes: list[Scene]) -> NDArray[np.uint8]:
    """The sheet, RGB."""
    return draw(scenes).toarray(colorType=skia.kRGBA_8888_ColorType)[..., :3]


def test_the_stretch_in_which_most_truly_moves_is_shown() -> None:
    frames = torch.arange(60.0)[:, None, None, None].expand(-1, 3, 4, 4)
    truth = torch.zeros(59, 2, 4, 4)
    truth[30 : 30 + STEPS, 0] = 2.0
    found = liveliest(frames, truth)
    assert found.frames[:, 0, 0, 0].tolist() == list(range(30, 31 + STEPS))
    assert found.truth is not None
    assert found.truth.mean() == pytest.approx(1.0)


def test_a_sliding_texture_is_followed_and_drawn_red_for_right() -> None:
    frames = sliding(STEPS + 1, 2)
    one = scene(Stretch(frames, truth=None), read(Path("params.yaml")))
    middle = one.tracks.offsets[0, -1, :, 6:10, 2:6]
    assert torch.abs(middle[0] - 2 * STEPS).max() < 1
    assert torch.abs(middle[1]).max() < 1
    sheet = shown([one])
    width = SIDE_PX + GAP_PX
    assert sheet.shape[:2] == (HEAD_PX + 2 * GAP_PX + SIDE_PX, (len(COLUMNS) - 1) * width + GAP_PX)
    row = sheet[HEAD_PX + GAP_PX + SIDE_PX // 2 + 40, GAP_PX + width : GAP_PX + width + SIDE_PX].astype(int)
    assert (row[:, 0] > 240).mean() > 0.9
    assert (row[:, 0] - row[:, 1:].max(axis=1) > 60).mean() > 0.9


def test_what_is_not_believed_is_grey_and_the_truth_has_a_column_where_it_is_known() -> None:
    frames = sliding(STEPS + 1, 2)
    frames[:, :, SIDE_PX // 2 :] = torch.rand(
        STEPS + 1, 3, SIDE_PX // 2, SIDE_PX, generator=torch.Generator().manual_seed(2)
    )
    truth = torch.zeros(STEPS, 2, SIDE_PX, SIDE_PX)
    params = read(Path("params.yaml"))
    dis = params.flow.model_copy(update={"backend": "dis"})  # it sees motion in noise, there and back another one
    sheet = shown([scene(Stretch(frames, truth), params.model_copy(update={"flow": dis}))])
    width = SIDE_PX + GAP_PX
    assert sheet.shape[1] == len(COLUMNS) * width + GAP_PX
    flow = sheet[HEAD_PX + GAP_PX :, GAP_PX + 2 * width : GAP_PX + 2 * width + SIDE_PX]
    grey = (flow == DOUBTED).all(axis=-1)
    assert grey[: SIDE_PX // 3].mean() < 0.1 < grey[2 * SIDE_PX // 3 : SIDE_PX].mean()
