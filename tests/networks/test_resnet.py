"""A state dict as torchvision names it gives the trunk a ResNet-18's answers; what does not fit is refused."""

import hashlib
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor
from torch.nn import functional

from stages.networks.appearance import AppearanceNetwork
from stages.networks.resnet import ResNetError, Start, find_start, start_from
from stages.separators import Appearance
from tests.synth.learning import MODEL

Weights = dict[str, Tensor]
LOOK = MODEL.appearance.model_copy(update={"base_channels": 64})
WIDTHS = (64, 128, 256, 512)


def resnet18(seed: int = 1) -> Weights:
    """Random weights under the names of torchvision's resnet18."""
    random = torch.Generator().manual_seed(seed)
    weights: Weights = {"fc.weight": torch.zeros(1000, 512), "fc.bias": torch.zeros(1000)}

    def conv(name: str, outputs: int, inputs: int, side: int) -> None:
        spread = (2 / (inputs * side**2)) ** 0.5
        weights[f"{name}.weight"] = spread * torch.randn(outputs, inputs, side, side, generator=random)

    def norm(name: str, width: int) -> None:
        for part in ("weight", "bias", "running_mean", "running_var"):
            weights[f"{name}.{part}"] = 0.5 + torch.rand(width, generator=random)
        weights[f"{name}.num_batches_tracked"] = torch.tensor(7)

    conv("conv1", 64, 3, 7)
    norm("bn1", 64)
    for group, width in enumerate(WIDTHS, start=1):
        for block in range(2):
            inputs = WIDTHS[max(group - 2, 0)] if block == 0 else width
            conv(f"layer{group}.{block}.conv1", width, inputs, 3)
            norm(f"layer{group}.{block}.bn1", width)
            conv(f"layer{group}.{block}.conv2", width, width, 3)
            norm(f"layer{group}.{block}.bn2", width)
            if inputs != width:
                conv(f"layer{group}.{block}.downsample.0", width, inputs, 1)
                norm(f"layer{group}.{block}.downsample.1", width)
    return weights


def answer(weights: Weights, x: Tensor) -> Tensor:
    """He et al. 2016 by their names, (M, 3, H, W) -> (M, 512, h, w); the last group dilated instead of strided."""

    def norm(name: str, y: Tensor) -> Tensor:
        parts = (weights[f"{name}.{part}"] for part in ("running_mean", "running_var", "weight", "bias"))
        return functional.batch_norm(y, *parts)

    x = torch.relu(norm("bn1", functional.conv2d(x, weights["conv1.weight"], stride=2, padding=3)))
    x = functional.max_pool2d(x, 3, 2, 1)
    for group in range(1, 5):
        for block in range(2):
            at = f"layer{group}.{block}"
            stride = 2 if block == 0 and group in (2, 3) else 1
            first, second = (1 if group < 4 or block == 0 else 2), (2 if group == 4 else 1)
            y = functional.conv2d(x, weights[f"{at}.conv1.weight"], stride=stride, padding=first, dilation=first)
            y = functional.conv2d(
                torch.relu(norm(f"{at}.bn1", y)), weights[f"{at}.conv2.weight"], padding=second, dilation=second
            )
            if f"{at}.downsample.0.weight" in weights:
                x = functional.conv2d(x, weights[f"{at}.downsample.0.weight"], stride=stride)
                x = norm(f"{at}.downsample.1", x)
            x = torch.relu(norm(f"{at}.bn2", y) + x)
    return x


def written(weights: Weights, path: Path, **metadata: str) -> Start:
    if path.suffix == ".safetensors":
        save_file(weights, path, metadata=metadata)
    else:
        torch.save(weights, path)
    found = find_start(path.name, path.parent)
    assert found is not None
    return found


@pytest.mark.parametrize("name", ["mine.safetensors", "mine.pth"])
def test_the_trunk_answers_as_the_resnet_of_the_file(tmp_path: Path, name: str) -> None:
    torch.set_num_threads(1)
    weights = resnet18()
    net = AppearanceNetwork(8, LOOK).eval()
    last = net.last.weight.clone()
    start_from(net, written(weights, tmp_path / name))
    x = torch.randn(1, 3, 64, 48, generator=torch.Generator().manual_seed(2))
    torch.testing.assert_close(net.trunk(x), answer(weights, x), rtol=1e-4, atol=1e-4)
    assert torch.equal(net.last.weight, last)


def test_files_without_counters_serve_too(tmp_path: Path) -> None:
    weights = {name: value for name, value in resnet18().items() if "num_batches" not in name}
    net = AppearanceNetwork(8, LOOK)
    start_from(net, written(weights, tmp_path / "old.pth"))
    assert torch.equal(net.trunk[0].weight, weights["conv1.weight"])


def test_the_card_names_file_hash_and_licence(tmp_path: Path) -> None:
    start = written(resnet18(), tmp_path / "mine.safetensors", licence="CC-BY-4.0")
    digest = hashlib.sha256((tmp_path / "mine.safetensors").read_bytes()).hexdigest()
    assert start.card == {"name": "mine.safetensors", "sha256": digest, "licence": "CC-BY-4.0"}
    assert written(resnet18(), tmp_path / "mine.pth").licence == "unknown"
    assert "ImageNet" in Start(tmp_path / "mine.pth", "imagenet", "f37072fd" + digest[8:]).licence


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"layer2.1.conv1.weight": None}, r"lacks 7\.conv1\.weight"),
        ({"layer9.0.conv1.weight": torch.zeros(1)}, r"unknown 20\.conv1\.weight"),
        ({"conv1.weight": torch.zeros(32, 3, 7, 7)}, r"0\.weight \(32, 3, 7, 7\), expected \(64, 3, 7, 7\)"),
        ({"bn1.bias": torch.full((64,), torch.nan)}, r"NaN or infinity in 1\.bias"),
    ],
)
def test_what_does_not_fit_is_named(tmp_path: Path, change: dict[str, Tensor | None], said: str) -> None:
    weights = {name: value for name, value in (resnet18() | change).items() if value is not None}
    net = AppearanceNetwork(8, LOOK)
    before = net.trunk[0].weight.clone()
    with pytest.raises(ResNetError, match=said):
        start_from(net, written(weights, tmp_path / "wrong.pth"))
    assert torch.equal(net.trunk[0].weight, before)


class Evil:
    def __reduce__(self) -> tuple[object, tuple[str]]:
        return print, ("run",)


def test_nothing_but_tensors_is_unpickled(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    torch.save({"conv1.weight": Evil()}, tmp_path / "evil.pth")
    start = find_start("evil.pth", tmp_path)
    assert start is not None
    with pytest.raises(ResNetError, match="holds more, or less, than tensors"):
        start_from(AppearanceNetwork(8, LOOK), start)
    assert "run" not in capsys.readouterr().out


def test_noise_needs_no_file_and_a_missing_one_is_named(tmp_path: Path) -> None:
    assert find_start("none", tmp_path) is None
    with pytest.raises(ResNetError, match=r"absent\.pth: appearance.weights names a file that is not there"):
        find_start("absent.pth", tmp_path)


def test_imagenet_is_taken_from_the_cache_and_else_asked_of_the_hub(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    monkeypatch.setattr("stages.networks.resnet._HUB", "http://127.0.0.1:9/resnet18-f37072fd.pth")
    with pytest.raises(ResNetError, match=r"cannot be fetched .*put it in weights/ and name it there"):
        find_start("imagenet", tmp_path)
    assert list((tmp_path / "hub/checkpoints").iterdir()) == []
    torch.save(resnet18(), tmp_path / "hub/checkpoints/resnet18-f37072fd.pth")
    start = find_start("imagenet", tmp_path)
    assert start is not None and start.name == "imagenet"


def test_published_weights_want_the_width_that_they_have() -> None:
    content = MODEL.appearance.model_dump() | {"weights": "imagenet"}
    with pytest.raises(ValueError, match="imagenet are those of a ResNet-18 with base_channels 64, found 4"):
        Appearance.model_validate(content)
    assert Appearance.model_validate(content | {"base_channels": 64}).weights == "imagenet"
