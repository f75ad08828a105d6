from pathlib import Path

import pytest
import torch

from stages.motion.estimator import build, deciding, find_origin
from stages.motion.grid import reduce
from stages.motion.opencv_flow import TOOL, DisEstimator, refined
from stages.motion.pwcnet import PRESETS, PWCNet, estimate_flow, estimate_quarter_flow
from stages.motion.weights import WeightsError, save
from stages.params import Flow
from stages.shards.files import sha256
from tests.synth.moving import FLOW

NEURAL = FLOW.model_copy(update={"backend": "pwcnet", "preset": "lite", "weights": "own.safetensors"})


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    torch.manual_seed(1)
    net = PWCNet(PRESETS["lite"])
    save(net, tmp_path / "own.safetensors", preset="lite", licence="MIT", half=False)
    (tmp_path / "README.md").touch()
    return tmp_path


def frames(seed: int) -> torch.Tensor:
    return torch.rand(2, 3, 40, 72, generator=torch.Generator().manual_seed(seed))


def test_the_declared_backend_is_built_and_says_who_it_is(folder: Path) -> None:
    dis, neural = (find_origin(flow, folder) for flow in (FLOW, NEURAL))
    assert (dis.backend, dis.weights_sha256, dis.device) == ("dis", None, "cpu")
    assert isinstance(build(FLOW, dis, folder), DisEstimator)
    assert (neural.backend, neural.weights_licence) == ("pwcnet", "MIT")
    assert neural.weights_sha256 == sha256(folder / "own.safetensors")
    assert neural.device == ("cuda" if torch.cuda.is_available() else "cpu")
    assert neural.tool == f"torch {torch.__version__}"
    assert (dis.precision, neural.precision) == (None, "fp32")


def test_pwcnet_gives_what_its_weights_give(folder: Path) -> None:
    flow = NEURAL.model_copy(update={"device": "cpu"})
    found = build(flow, find_origin(flow, folder), folder)(frames(1), frames(2))
    torch.manual_seed(1)
    expected = estimate_quarter_flow(PWCNet(PRESETS["lite"]).eval(), frames(1), frames(2))
    assert found.shape == (2, 2, 10, 18) and found.device.type == "cpu"
    assert (found - expected).norm() < 1e-4 * expected.norm()


def test_it_looks_as_often_as_is_declared(folder: Path) -> None:
    once, twice = (NEURAL.model_copy(update={"device": "cpu", "looks": looks}) for looks in (1, 2))
    found = [build(flow, find_origin(flow, folder), folder)(frames(1), frames(2)) for flow in (once, twice)]
    torch.manual_seed(1)
    expected = estimate_quarter_flow(PWCNet(PRESETS["lite"]).eval(), frames(1), frames(2), looks=2)
    assert (found[1] - expected).norm() < 1e-4 * expected.norm()
    assert (found[1] - found[0]).norm() > 0.01 * expected.norm()


def test_what_it_estimates_is_refined_where_that_is_declared_and_its_origin_says_so(folder: Path) -> None:
    flow = NEURAL.model_copy(update={"device": "cpu", "refined": True})
    origin = find_origin(flow, folder)
    assert origin.tool == f"torch {torch.__version__}, refined by {TOOL}"
    found = build(flow, origin, folder)(frames(1), frames(2))
    torch.manual_seed(1)
    full = estimate_flow(PWCNet(PRESETS["lite"]).eval(), frames(1), frames(2))
    expected = reduce(refined(full, frames(1), frames(2)))
    assert (found - expected).norm() < 1e-3 * expected.norm() < (found - reduce(full)).norm()


def test_it_computes_in_what_its_origin_says(folder: Path) -> None:
    exact, half, chosen = (
        NEURAL.model_copy(update={"device": "cpu", "precision": precision}) for precision in ("fp32", "bf16", "auto")
    )
    origins = [find_origin(flow, folder) for flow in (exact, half, chosen)]
    assert [origin.precision for origin in origins[:2]] == ["fp32", "bf16"] and origins[2] in origins[:2]
    found = [build(flow, origins[0], folder)(frames(1), frames(2)) for flow in (exact, half, chosen)]
    assert torch.equal(found[0], found[1]) and torch.equal(found[0], found[2])
    assert not torch.equal(found[0], build(half, origins[1], folder)(frames(1), frames(2)))


def test_weights_that_changed_since_are_refused(folder: Path) -> None:
    origin = find_origin(NEURAL, folder)
    torch.manual_seed(2)
    save(PWCNet(PRESETS["lite"]), folder / "own.safetensors", preset="lite", licence="MIT", half=False)
    with pytest.raises(WeightsError, match="expected"):
        build(NEURAL, origin, folder)


def test_weights_that_are_not_there_are_named_with_those_that_are(folder: Path) -> None:
    with pytest.raises(
        FileNotFoundError, match=r"other\.pth: not found; .* there is own\.safetensors, or says shipped"
    ):
        find_origin(NEURAL.model_copy(update={"weights": "other.pth"}), folder)


def changed(flow: Flow, **values: object) -> bool:
    return deciding(flow.model_copy(update=values)) != deciding(flow)


def test_what_cannot_change_a_byte_does_not_decide() -> None:
    for values in ({"batch_pairs": 1}, {"num_cpus": 2.0}, {"num_gpus": 0.1}, {"precision": "bf16"}, {"device": "cpu"}):
        assert not changed(FLOW, **values)
    assert not changed(FLOW, looks=2)
    assert changed(FLOW, consistency=FLOW.consistency.model_copy(update={"relative": 0.02}))
    for values in ({"batch_pairs": 1}, {"num_cpus": 2.0}, {"preset": "default"}, {"looks": 2}, {"refined": True}):
        assert changed(NEURAL, **values)
    of_origin = ({"device": "cuda"}, {"precision": "bf16"}, {"weights": "renamed"})  # it holds what these came to
    for values in ({"num_gpus": 0.1}, *of_origin):
        assert not changed(NEURAL, **values)
