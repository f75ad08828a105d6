"""The pyfunc on its own; that a version of it runs under `mlflow models predict` is in tests/test_register.py."""

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch

from stages.networks.frames import to_input
from stages.networks.separation import save
from stages.tracking.packaging import SIGNATURE, requirements
from stages.tracking.separator_model import SeparatorModel
from tests.synth.registered import tiny_separator

RANDOM = np.random.default_rng(1)
MIXTURE = RANDOM.uniform(-0.5, 0.5, (2, 3000)).astype(np.float32)
FRAMES = RANDOM.integers(0, 256, (2, 3, 1, 40, 48, 3), dtype=np.uint8)


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> SeparatorModel:
    folder = tmp_path_factory.mktemp("separator")
    save(tiny_separator(), folder, {})
    loaded = SeparatorModel()
    loaded.load_context(SimpleNamespace(artifacts={"separator": str(folder)}))  # pyright: ignore[reportArgumentType]
    return loaded


@pytest.mark.parametrize(("params", "mask"), [(None, "soft"), ({}, "soft"), ({"mask": "binary"}, "binary")])
def test_it_gives_the_separators_waveforms_in_the_order_of_the_frames(
    model: SeparatorModel, params: Any, mask: Any
) -> None:
    found = model.predict(None, {"mixture": MIXTURE, "frames": FRAMES}, params)
    pictures = torch.stack(
        [torch.stack([to_input(list(group), 32, generator=None) for group in groups]) for groups in FRAMES]
    )
    expected = tiny_separator().separate(torch.from_numpy(MIXTURE), pictures, mask=mask).numpy()
    assert found.shape == (2, 3, 3000)
    np.testing.assert_allclose(found, expected, atol=1e-6)
    turned = model.predict(None, {"mixture": MIXTURE, "frames": FRAMES[:, ::-1]}, params)
    np.testing.assert_allclose(turned, found[:, ::-1], atol=1e-6)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda x: {**x, "mixture": x["mixture"][0]}, r"found \(3000,\)"),
        (lambda x: {**x, "frames": x["frames"][..., :1]}, r"expected mixture \(B, S\)"),
        (lambda x: {**x, "frames": x["frames"][:, :0]}, "none empty"),
        (lambda x: {**x, "frames": x["frames"][:1]}, "2 mixtures and 1 of frames"),
        (lambda x: {**x, "mixture": x["mixture"] * np.nan}, "NaN"),
        (lambda x: {**x, "frames": x["frames"][:, :, :, :20]}, "smaller than the crop"),
    ],
)
def test_what_does_not_fit_is_refused(
    model: SeparatorModel, change: Callable[[dict[str, Any]], dict[str, Any]], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        model.predict(None, change({"mixture": MIXTURE, "frames": FRAMES}), None)


def test_an_unknown_mask_is_refused(model: SeparatorModel) -> None:
    with pytest.raises(ValueError, match="soft or binary, found 'hard'"):
        model.predict(None, {"mixture": MIXTURE, "frames": FRAMES}, {"mask": "hard"})


def test_the_signature_is_the_input_that_predict_takes() -> None:
    inputs = {spec.name: (spec.type, spec.shape) for spec in SIGNATURE.inputs.inputs}
    for name, value in {"mixture": MIXTURE, "frames": FRAMES}.items():
        kind, shape = inputs[name]
        assert kind == value.dtype
        assert [size in (-1, found) for size, found in zip(shape, value.shape, strict=True)] == [True] * value.ndim


def test_needs_are_pinned_without_local_labels() -> None:
    assert f"torch=={torch.__version__.partition('+')[0]}" in requirements()
    assert not [need for need in requirements() if "+" in need or need.count("==") != 1]
