"""Motion is read from the shards that a model's params name."""

from pathlib import Path

import pytest
import torch
from torch.testing import assert_close

from stages import layout, trajectories
from stages.networks.frames import Square
from stages.networks.motion_fields import open_motion
from stages.networks.sight import MotionWindows
from stages.params import Trajectories
from stages.shards.flow_origin import FlowOrigin, write_origin
from stages.shards.flow_reader import FlowReader
from tests.synth.flows import HEIGHT, clip_flow, flow_folder
from tests.synth.learning import CLIP, MODEL
from tests.synth.shards import decoded_folder
from tests.synth.struck import changed


def _windows(source: str, root: Path, rate_hz: int | None = None) -> MotionWindows:
    """At the rate of the small worlds' shards, or at another."""
    sees = "decode" if source in {"none", "difference"} else source
    rate_hz = rate_hz or (24 if sees == "decode" else 8)
    found = open_motion(changed(sees=sees, motion__input=source, motion__rate_hz=rate_hz), CLIP, root)
    assert found is not None
    return found


def test_differences_are_levels_of_luma_on_the_whole_frame(tmp_path: Path) -> None:
    (media,) = decoded_folder(tmp_path / layout.DECODE, (1,))
    fields = _windows("difference", tmp_path).fields
    assert fields is not None
    field = fields(media.clip_id)
    assert field.cell_px == (4.0, 6.0)
    assert_close(field.values, torch.from_numpy(media.motion)[:, None].float() / 4 / 255)


def test_flow_is_in_pixels_on_its_grid(tmp_path: Path) -> None:
    flow = clip_flow(0)
    flow_folder(tmp_path / layout.FLOW, ((flow,),))
    fields = _windows("flow", tmp_path).fields
    assert fields is not None
    assert_close(fields(flow.clip_id).values, torch.from_numpy(flow.vectors).float() / 64)
    assert fields(flow.clip_id).cell_px == (4.0, 4.0)


def test_trajectories_move_as_flow_does_in_the_first_step(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PIXELS_STORE", str(tmp_path / "store"))
    flow = clip_flow(0)
    flow.vectors[:] = 32
    flow.valid[:] = 1
    flow_folder(layout.FLOW, ((flow,),))
    write_origin(layout.FLOW_ORIGIN, FlowOrigin("dis", None, None, tool="opencv 5", device="cpu"))
    trajectories.run(Trajectories(grid_step_px=4, length_steps=2, min_valid=None))
    fields = _windows("trajectories", tmp_path).fields
    assert fields is not None
    found = fields(flow.clip_id)
    assert found.cell_px == (4.0, 4.0) and found.values.shape[:2] == FlowReader().vectors(flow.clip_id).shape[:2]
    assert_close(found.values[0, :, 1, 1], torch.tensor([0.5, 0.5]))


def test_flow_of_another_rate_than_the_model_was_trained_at_is_refused(tmp_path: Path) -> None:
    flow = clip_flow(0)
    flow_folder(tmp_path / layout.FLOW, ((flow,),))
    fields = _windows("flow", tmp_path, rate_hz=12).fields
    assert fields is not None
    with pytest.raises(ValueError, match=r"flow at 8 Hz, expected 12 Hz as the model was trained"):
        fields(flow.clip_id)


def test_who_sees_pictures_alone_has_no_windows_and_who_sees_nothing_move_empty_ones(tmp_path: Path) -> None:
    assert open_motion(MODEL, CLIP, tmp_path) is None
    assert _windows("none", tmp_path).see("a", Square(0, 0, HEIGHT, flipped=False)) is None
