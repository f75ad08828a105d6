"""Loaders: our files, four published layouts against what their code computes, and what is refused."""

import os
import pickle
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor
from torch.testing import assert_close

from stages.motion.pwcnet import PRESETS, Origin, PWCNet, estimate_flow
from stages.motion.weights import WeightsError, load, save
from stages.shards.files import sha256
from tests.synth.published import Published, mmflow, nvlabs, ptlflow, sniklaus

NON_COMMERCIAL = "CC-BY-NC-SA-4.0"


def _frames(height: int = 64, width: int = 128) -> tuple[Tensor, Tensor]:
    random = torch.Generator().manual_seed(1)
    return torch.rand(2, 3, height, width, generator=random), torch.rand(2, 3, height, width, generator=random)


@pytest.mark.parametrize(
    ("published", "layout", "licence"),
    [
        (sniklaus("module"), "sniklaus", NON_COMMERCIAL),
        (sniklaus("net"), "sniklaus", NON_COMMERCIAL),
        (nvlabs(), "nvlabs", NON_COMMERCIAL),
        (ptlflow(), "ptlflow", NON_COMMERCIAL),
        (ptlflow(context=False), "ptlflow", NON_COMMERCIAL),
        (mmflow(), "mmflow", "unknown"),
    ],
    ids=["sniklaus module", "sniklaus net", "nvlabs", "ptlflow", "ptlflow without context", "mmflow"],
)
def test_a_published_checkpoint_gives_what_its_code_gives(
    tmp_path: Path, published: Published, layout: str, licence: str
) -> None:
    weights = published.checkpoint(seed=2)
    torch.save(weights, tmp_path / "brought.pth")
    net = load("default", tmp_path / "brought.pth")
    expected = published.flow(weights, *_frames())
    assert expected.abs().mean() > 1  # features are warped by pixels, not by nothing
    assert_close(net(*_frames())[0], expected, atol=2e-3, rtol=1e-3)
    assert net.architecture.in_bounds == published.in_bounds
    assert net.origin == Origin(layout, licence, sha256(tmp_path / "brought.pth"))


def test_order_of_channels_and_scale_of_the_volume_matter() -> None:
    """The oracle above would see a loader that took them from the wrong layout."""
    weights = nvlabs().checkpoint(seed=2)
    expected = nvlabs().flow(weights, *_frames())
    for other in (replace(nvlabs(), bgr=False), replace(nvlabs(), summed=True)):
        assert (other.flow(weights, *_frames()) - expected).abs().max() > 0.1


@pytest.mark.parametrize("wrapping", ["state_dict", "parallel", "safetensors", "half"])
def test_a_checkpoint_may_be_wrapped(tmp_path: Path, wrapping: str) -> None:
    weights = ptlflow(context=False).checkpoint(seed=3)
    path = tmp_path / ("brought.safetensors" if wrapping == "safetensors" else "brought.ckpt")
    if wrapping == "state_dict":
        torch.save({"epoch": 3, "state_dict": weights, "optimizer_states": []}, path)
    elif wrapping == "parallel":
        torch.save({f"module.{name}": value for name, value in weights.items()}, path)
    elif wrapping == "half":
        torch.save({name: value.half() for name, value in weights.items()}, path)
    else:
        save_file(weights, path)
    expected = ptlflow(context=False).flow(weights, *_frames())
    assert_close(load("default", path)(*_frames())[0], expected, atol=2e-3 if wrapping != "half" else 0.3, rtol=1e-3)


@pytest.mark.parametrize("preset", ["default", "lite"])
@pytest.mark.parametrize("normalised", [True, False])
def test_our_own_files_keep_network_and_licence(tmp_path: Path, preset: str, normalised: bool) -> None:
    torch.manual_seed(4)
    net = PWCNet(replace(PRESETS[preset], normalised=normalised)).eval()
    path, again = tmp_path / "own.safetensors", tmp_path / "again.safetensors"
    save(net, path, preset=preset, licence="CC0-1.0", half=False)
    save(net, again, preset=preset, licence="CC0-1.0", half=False)
    assert path.read_bytes() == again.read_bytes()
    read = load(preset, path, expected_sha256=sha256(path))
    assert (read.architecture, read.origin) == (net.architecture, Origin("own", "CC0-1.0", sha256(path)))
    assert torch.equal(estimate_flow(read, *_frames()), estimate_flow(net, *_frames()))


def test_half_precision_files_are_half_the_size_and_close(tmp_path: Path) -> None:
    torch.manual_seed(5)
    net = PWCNet(PRESETS["lite"]).eval()
    save(net, tmp_path / "half.safetensors", preset="lite", licence="CC0-1.0", half=True)
    assert (tmp_path / "half.safetensors").stat().st_size < 10e6
    read = load("lite", tmp_path / "half.safetensors")
    assert all(value.dtype == torch.float32 for value in read.state_dict().values())
    assert_close(estimate_flow(read, *_frames()), estimate_flow(net, *_frames()), atol=0.05, rtol=0.01)


def test_a_network_without_context_is_told_from_one_with(tmp_path: Path) -> None:
    net = PWCNet(replace(PRESETS["lite"], context=()))
    save(net, tmp_path / "own.safetensors", preset="lite", licence="CC0-1.0", half=True)
    assert load("lite", tmp_path / "own.safetensors").architecture.context == ()


def test_a_network_of_another_preset_is_not_saved(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="the network is no default"):
        save(PWCNet(PRESETS["lite"]), tmp_path / "own.safetensors", preset="default", licence="CC0-1.0", half=True)
    assert not list(tmp_path.iterdir())


def test_another_preset_is_refused(tmp_path: Path) -> None:
    save(PWCNet(PRESETS["lite"]), tmp_path / "own.safetensors", preset="lite", licence="CC0-1.0", half=True)
    with pytest.raises(WeightsError, match="preset lite, expected default"):
        load("default", tmp_path / "own.safetensors")
    torch.save(nvlabs().checkpoint(seed=1), tmp_path / "brought.pth")
    with pytest.raises(WeightsError, match=r"published network \(nvlabs\).*not lite"):
        load("lite", tmp_path / "brought.pth")


def test_another_file_is_refused(tmp_path: Path) -> None:
    torch.save(ptlflow().checkpoint(seed=1), tmp_path / "brought.pth")
    with pytest.raises(WeightsError, match=r"sha256 .* expected 0000"):
        load("default", tmp_path / "brought.pth", expected_sha256="0000")


def test_an_unknown_layout_is_named(tmp_path: Path) -> None:
    torch.save({"features.0.weight": torch.zeros(3, 3)}, tmp_path / "brought.pth")
    with pytest.raises(WeightsError, match=r"holds features\.0\.weight; known .* sniklaus, nvlabs, ptlflow, mmflow"):
        load("default", tmp_path / "brought.pth")


def test_the_older_pyramid_of_two_convolutions_is_refused(tmp_path: Path) -> None:
    weights = {name: value for name, value in nvlabs().checkpoint(seed=1).items() if "aa." not in name}
    torch.save(weights, tmp_path / "brought.pth")
    with pytest.raises(WeightsError, match=r"looks like nvlabs, but 12 names are missing \(conv1aa\.0\.bias"):
        load("default", tmp_path / "brought.pth")


def test_other_shapes_are_refused(tmp_path: Path) -> None:
    weights = sniklaus("net").checkpoint(seed=1)
    weights["netThr.netOne.0.weight"] = torch.zeros(128, 148, 3, 3)
    torch.save(weights, tmp_path / "brought.pth")
    with pytest.raises(
        WeightsError, match=r"decoders\.3\.convolutions\.0\.weight \(128, 148, 3, 3\), expected \(128, 149"
    ):
        load("default", tmp_path / "brought.pth")


def test_numbers_that_are_none_are_refused(tmp_path: Path) -> None:
    weights = mmflow().checkpoint(seed=1)
    weights["decoder.post_processor.layers.6.bias"][0] = torch.nan
    torch.save(weights, tmp_path / "brought.pth")
    with pytest.raises(WeightsError, match=r"NaN or infinity in context\.12\.bias"):
        load("default", tmp_path / "brought.pth")


class _Harmful:
    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return os.mkdir, (str(self.path),)


@pytest.mark.parametrize("how", ["torch", "pickle"])
def test_code_in_a_checkpoint_does_not_run(tmp_path: Path, how: str) -> None:
    content = {"state_dict": ptlflow().checkpoint(seed=1), "hook": _Harmful(tmp_path / "ran")}
    if how == "torch":
        torch.save(content, tmp_path / "brought.pth")
    else:
        (tmp_path / "brought.pth").write_bytes(pickle.dumps(content, protocol=2))
    with pytest.raises(WeightsError, match="Python objects"):
        load("default", tmp_path / "brought.pth")
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize("name", ["cut.safetensors", "cut.pth", "empty.pth", "text.safetensors", "list.pth"])
def test_what_is_no_checkpoint_is_named(tmp_path: Path, name: str) -> None:
    whole = tmp_path / f"whole.{name.rpartition('.')[2]}"
    if name == "cut.safetensors":
        save(PWCNet(PRESETS["lite"]), whole, preset="lite", licence="CC0-1.0", half=True)
    else:
        torch.save(ptlflow().checkpoint(seed=1), whole)
    contents = {"cut": whole.read_bytes()[:100_000], "empty": b"", "text": b"not found"}
    if name == "list.pth":
        torch.save([torch.zeros(3)], tmp_path / name)
    else:
        (tmp_path / name).write_bytes(contents[name.partition(".")[0]])
    with pytest.raises(WeightsError, match=str(tmp_path / name)):
        load("lite", tmp_path / name)


def test_a_file_of_another_schema_is_refused(tmp_path: Path) -> None:
    save_file({}, tmp_path / "own.safetensors", metadata={"pwcnet": '{"schema_version": 99}'})
    with pytest.raises(WeightsError, match="schema version 99, expected 1"):
        load("lite", tmp_path / "own.safetensors")
