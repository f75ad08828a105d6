"""A separator's waveforms and files."""

from pathlib import Path
from typing import Literal

import pytest
import torch
from torch.testing import assert_close

from stages.networks.separation import Separator, SeparatorError, Target, activate, load, save
from stages.networks.separator import PixelsSeparator
from stages.shards.files import read_json, write_json
from tests.synth.learning import CLIP, MODEL, NUM_SAMPLES, SPECTROGRAM


def _separator(target: Target = "binary") -> Separator:
    torch.manual_seed(3)
    return Separator(PixelsSeparator(MODEL).eval(), MODEL, CLIP, SPECTROGRAM, target)


def _constant(logit: float, target: Target = "binary") -> Separator:
    separator = _separator(target)
    with torch.no_grad():
        separator.net.synthesizer.scale.zero_()
        separator.net.synthesizer.bias.fill_(logit)
    return separator


def _inputs() -> tuple[torch.Tensor, torch.Tensor]:
    random = torch.Generator().manual_seed(4)
    return torch.rand(2, NUM_SAMPLES, generator=random) - 0.5, torch.randn(2, 3, 1, 3, 32, 32, generator=random)


@pytest.mark.parametrize(
    ("logit", "target", "mask", "factor"),
    [
        (0.0, "binary", "soft", 0.5),
        (1.0, "binary", "binary", 1.0),
        (-1.0, "binary", "binary", 0.0),
        (1.5, "ratio", "soft", 1.7014133),  # log(1 + e^1.5): a ratio may exceed 1
    ],
)
def test_a_constant_mask_scales_the_mixture(
    logit: float, target: Target, mask: Literal["soft", "binary"], factor: float
) -> None:
    mixture, frames = _inputs()
    found = _constant(logit, target).separate(mixture, frames, mask=mask)
    inner = slice(0, NUM_SAMPLES // SPECTROGRAM.hop_samples * SPECTROGRAM.hop_samples)
    assert_close(found[..., inner], factor * mixture[:, None, inner].expand(2, 3, -1), atol=1e-4, rtol=0)


def test_any_length_is_kept() -> None:
    mixture, frames = _inputs()
    assert _separator().separate(mixture[:, :2345], frames, mask="soft").shape == (2, 3, 2345)


def test_files_give_the_same_separator(tmp_path: Path) -> None:
    separator = _separator("ratio")
    save(separator, tmp_path, {"name": "pixels"})
    found = load(tmp_path)
    assert (found.model, found.clip, found.spectrogram, found.target) == (MODEL, CLIP, SPECTROGRAM, "ratio")
    mixture, frames = _inputs()
    assert torch.equal(found.separate(mixture, frames, mask="soft"), separator.separate(mixture, frames, mask="soft"))


def test_equal_separators_give_equal_files(tmp_path: Path) -> None:
    for name in ("one", "two"):
        save(_separator(), tmp_path / name, {})
    assert (tmp_path / "one/weights.safetensors").read_bytes() == (tmp_path / "two/weights.safetensors").read_bytes()


def test_a_flipped_bit_is_found(tmp_path: Path) -> None:
    save(_separator(), tmp_path, {})
    path = tmp_path / "weights.safetensors"
    damaged = bytearray(path.read_bytes())
    damaged[-9] ^= 4
    path.write_bytes(damaged)
    with pytest.raises(SeparatorError, match="the file is damaged"):
        load(tmp_path)


@pytest.mark.parametrize("version", [None, 1, 2, 3])
def test_a_model_of_another_schema_version_is_refused_with_the_command_to_run(
    tmp_path: Path, version: int | None
) -> None:
    save(_separator(), tmp_path, {"name": "pixels"})
    card = read_json(tmp_path / "model.json")
    changed = {name: value for name, value in card.items() if name != "schema_version"}
    write_json(tmp_path / "model.json", changed | ({} if version is None else {"schema_version": version}))
    with pytest.raises(
        SeparatorError, match=rf"schema version {version or 1}, expected 4; run `dvc repro train@pixels`"
    ):
        load(tmp_path)


def test_competing_masks_share_out_every_bin() -> None:
    logits = torch.randn(2, 3, 4, 5, generator=torch.Generator().manual_seed(5))
    shares = activate(logits, "binary", "competitive")
    assert_close(shares.sum(dim=1), torch.ones(2, 4, 5))
    assert_close(shares[:, 0] / shares[:, 1], (logits[:, 0] - logits[:, 1]).exp())
