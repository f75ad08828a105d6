"""Flow on a GPU that two workers share: the flow of the CPU, but for rounding."""

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from stages import flow, layout
from stages.motion.pwcnet import PRESETS, PWCNet
from stages.motion.weights import save
from stages.shards.files import read_json
from stages.shards.flow_reader import FlowReader
from tests.synth.media import CLIP
from tests.synth.moving import FLOW, Shift, moving_folder

pytestmark = pytest.mark.skipif(not torch.cuda.is_available(), reason="this machine has no GPU that torch can use")


def test_two_workers_share_a_gpu(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("PIXELS_SERIAL", raising=False)
    monkeypatch.setenv("PIXELS_WORKERS", "2")
    moving_folder(layout.DECODE, [[Shift(2 * shard + k, 2, 1) for k in range(2)] for shard in range(3)])
    torch.manual_seed(1)
    net = PWCNet(PRESETS["lite"])
    for decoder in net.decoders.values():  # an untrained net says almost 0
        nn.init.kaiming_normal_(decoder.predict.weight)
    save(net, layout.WEIGHTS / "own.safetensors", preset="lite", licence="MIT", half=False)
    neural = {"backend": "pwcnet", "preset": "lite", "weights": "own.safetensors", "num_gpus": 0.5}
    found: dict[str, np.ndarray] = {}
    for device in ("cpu", "cuda"):
        flow.run(CLIP, FLOW.model_copy(update=neural | {"device": device}), 0.0)
        assert read_json(layout.FLOW_ORIGIN)["device"] == device
        reader = FlowReader()
        found[device] = np.stack([reader.flow_px(clip.clip_id) for clip in reader.clips])
    difference = np.linalg.norm(found["cuda"] - found["cpu"])
    assert difference < 0.02 * np.linalg.norm(found["cpu"])
