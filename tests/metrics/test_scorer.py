"""The scorer as a worker runs it: from another folder, with what a model sees of motion in the workspace."""

from pathlib import Path

import numpy as np
import pytest
import torch

from stages import layout
from stages.metrics.scorer import Scorer
from stages.metrics.scores import evaluated
from stages.networks.separation import Separator, build, save
from stages.shards.check import ShardError
from stages.shards.files import sha256
from stages.shards.flow_schema import ClipFlow
from stages.shards.schema import MixSource
from stages.shards.tables import read_rows
from tests.synth.flows import flow_folder
from tests.synth.learning import CLIP, SPECTROGRAM
from tests.synth.scored import EVALUATE, write_test_world
from tests.synth.struck import changed

# the flows of tests.synth.flows have eight frames a second
FLOW_CLIP = CLIP.model_copy(update={"frame_rate_hz": 8})


def _scorer(root: Path) -> Scorer:
    """A world whose model sees flow, all its weights drawn so that it minds what it sees."""
    write_test_world(root)
    torch.manual_seed(1)
    model = changed(sees="flow", motion__input="flow", motion__rate_hz=8)
    net = build(model, FLOW_CLIP, SPECTROGRAM)
    with torch.no_grad():
        for parameter in net.parameters():
            parameter.add_(0.1 * torch.randn_like(parameter))
    folder = root / layout.model("motions")
    folder.mkdir(parents=True)
    save(Separator(net, model, FLOW_CLIP, SPECTROGRAM, "binary"), folder, {"name": "motions"})
    return Scorer("motions", folder, sha256(folder / "weights.safetensors"), root, EVALUATE)


def _flow(clip_id: str, seed: int) -> ClipFlow:
    vectors = np.random.default_rng([seed, *map(ord, clip_id)]).integers(-640, 640, (7, 2, 10, 12)).astype(np.int16)
    return ClipFlow(clip_id, f"video-{clip_id}", 40, 48, vectors, np.ones((7, 10, 12), np.uint8))


def _scores(root: Path, scorer: Scorer) -> dict[str, list[float]]:
    """SI-SDR of the first mix's sources by estimator."""
    columns = scorer(evaluated(read_rows(root / layout.MIXES, MixSource))[0])
    found: dict[str, list[float]] = {}
    for estimator, value in zip(columns["estimator"], columns["si_sdr"], strict=True):
        found.setdefault(estimator, []).append(value)
    return found


def test_motion_is_read_from_the_workspace_whatever_the_worker_s_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    found = []
    for seed in (1, 2):
        root = tmp_path / str(seed)
        scorer = _scorer(root)
        flow_folder(root / layout.FLOW, (tuple(_flow(clip_id, seed) for clip_id in ("0-2", "1-2")),))
        found.append(_scores(root, scorer))
    one, other = found
    assert {"motions:zero_motion", "motions:mean_motion", "motions:swapped_vision"} <= one.keys()
    assert one["motions:zero_motion"] == other["motions:zero_motion"]
    assert one["motions"] != other["motions"]
    assert one["motions"] != one["motions:swapped_vision"]


def test_a_workspace_without_what_the_model_sees_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ShardError, match=r"data/flow/manifest.json: not found; run `dvc repro flow`"):
        _scores(tmp_path, _scorer(tmp_path))
