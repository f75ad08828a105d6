"""The weights that come with the project."""

from pathlib import Path

import pytest
import torch

from stages.motion import weights
from stages.motion.estimator import build, find_origin
from stages.motion.pwcnet import PRESETS, Preset, estimate_flow
from stages.motion.synthetic import Pairs
from stages.motion.weights import SHIPPED, SHIPPED_SHA256, WeightsError, load_shipped, shipped
from stages.params import Flow
from stages.shards.files import sha256
from stages.teaching.losses import endpoint_error
from tests.synth.moving import FLOW
from tests.synth.pairs import hard_pairs

MOST_BYTES: dict[Preset, int] = {"lite": 10_000_000, "default": 20_000_000}


@pytest.fixture(scope="module")
def pairs() -> Pairs:
    return hard_pairs(20_251, scale=0.4, scenes=6)


def test_some_weights_are_shipped() -> None:
    assert "lite" in SHIPPED_SHA256


@pytest.mark.parametrize("preset", SHIPPED_SHA256)
def test_they_are_far_better_than_no_flow(preset: Preset, pairs: Pairs) -> None:
    flow = estimate_flow(load_shipped(preset), pairs.first, pairs.second)
    error, still = (float(endpoint_error(flow, pairs).mean()) for flow in (flow, torch.zeros_like(flow)))
    assert error < 0.6 * still


@pytest.mark.parametrize("preset", SHIPPED_SHA256)
def test_a_second_look_is_nearer_to_the_truth(preset: Preset, pairs: Pairs) -> None:
    net = load_shipped(preset)
    once, twice = (estimate_flow(net, pairs.first, pairs.second, looks) for looks in (1, 2))
    assert endpoint_error(twice, pairs).mean() < 0.95 * endpoint_error(once, pairs).mean()


@pytest.mark.parametrize("preset", SHIPPED_SHA256)
def test_they_are_small_and_say_their_licence(preset: Preset) -> None:
    assert shipped(preset).stat().st_size <= MOST_BYTES[preset]
    origin = load_shipped(preset).origin
    assert origin is not None
    assert (origin.layout, origin.licence, origin.sha256) == ("own", "MIT", SHIPPED_SHA256[preset])


def test_other_bytes_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(SHIPPED_SHA256, "lite", "0" * 64)
    with pytest.raises(WeightsError, match="expected 000"):
        load_shipped("lite")


def test_what_is_not_shipped_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(weights, "SHIPPED_SHA256", {})
    with pytest.raises(WeightsError, match="flow-weights lite"):
        load_shipped("lite")


def test_the_flow_stage_takes_them_by_name(tmp_path: Path, pairs: Pairs) -> None:
    content = FLOW.model_dump() | {"backend": "pwcnet", "preset": "lite", "weights": SHIPPED, "device": "cpu"}
    flow = Flow(**content)
    origin = find_origin(flow, tmp_path)
    assert origin.weights_sha256 == sha256(shipped("lite"))
    found = build(flow, origin, tmp_path)(pairs.first[:1], pairs.second[:1])
    assert found.shape == (1, 2, 32, 32)
    assert set(PRESETS) >= set(SHIPPED_SHA256)
