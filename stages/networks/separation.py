"""A trained separator: waveforms in, waveforms out; and its files.

Axes: B mixtures, N sources of a mixture, S samples, P frames of a clip, F bins, R log-frequency rows, T spectrogram
frames.
"""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor
from torch.nn import functional

from stages.audio import masks
from stages.audio.logfreq import LogFrequency
from stages.audio.stft import Stft
from stages.networks.separator import Change, PixelsSeparator
from stages.params import Clip, Head, Model, Spectrogram
from stages.shards.files import read_json, replacing, sha256, write_json

MODEL_SCHEMA_VERSION = 2  # of model.json
Target = Literal["binary", "ratio"]  # what the logits were trained to predict


class SeparatorError(ValueError):
    """The files of a trained separator are damaged or do not fit together."""


@dataclass(frozen=True)
class Separator:
    """A network with the geometry it was trained for."""

    net: PixelsSeparator
    model: Model
    clip: Clip
    spectrogram: Spectrogram
    target: Target
    stft: Stft = field(init=False)
    rows: LogFrequency = field(init=False)

    def __post_init__(self) -> None:
        device = self.net.synthesizer.bias.device
        stft = Stft(self.spectrogram)
        rows = LogFrequency(stft.num_bins, self.spectrogram.log_frequency_rows)
        object.__setattr__(self, "stft", stft.to(device))
        object.__setattr__(self, "rows", rows.to(device))

    def separate(self, mixture: Tensor, frames: Tensor, *, mask: Literal["soft", "binary"]) -> Tensor:
        """Split mixtures by their pictures, with the mixture's phase (Zhao et al. 2018, section 3.2).

        Args:
            mixture: (B, S) in [-1, 1]; S need not be the training clip's.
            frames: (B, N, P, 3, H, W), one picture group a source, from `stages.networks.frames.to_input`.
            mask: "soft" as predicted; "binary" 1 where the soft mask is above one half.

        Returns:
            (B, N, S) on the mixture's device: the sources as they stand in the mixture.
        """
        soft = self.soft_masks(mixture, frames)
        return self.masked(mixture, soft if mask == "soft" else (soft > 0.5).to(soft.dtype))

    @torch.no_grad()
    def soft_masks(self, mixture: Tensor, frames: Tensor, change: Change | None = None) -> Tensor:
        """Masks as predicted, (B, N, F, T), for `separate`'s mixture and frames; `change` as in `PixelsSeparator`."""
        self.net.eval()
        device = self.net.synthesizer.bias.device
        magnitude = self.stft(mixture.to(device)).abs()
        logits = self.net(self.rows.warp(magnitude)[:, None], frames.to(device), change).float()
        return self.rows.unwarp(activate(logits, self.target, self.model.head))

    @torch.no_grad()
    def masked(self, mixture: Tensor, chosen: Tensor) -> Tensor:
        """The sources (B, N, S) that masks (B, N, F, T) cut out of mixtures (B, S), on the mixture's device."""
        spectrum = self.stft(mixture.to(chosen.device))
        return self.stft.inverse(masks.apply(chosen, spectrum), mixture.shape[-1]).to(mixture.device)


def activate(logits: Tensor, target: Target, head: Head) -> Tensor:
    """Masks from logits (B, N, R, T): binary targets lie in (0, 1), ratios may exceed 1 where sources cancel.

    A competitive head shares each bin out among the N queried sources: their masks sum to 1.
    """
    if head == "competitive":
        return torch.softmax(logits, dim=1)
    return torch.sigmoid(logits) if target == "binary" else functional.softplus(logits)


def save(separator: Separator, folder: Path, extra: dict[str, Any]) -> None:
    """Write weights.safetensors and, last, model.json = geometry, checksum and `extra` (JSON values)."""
    weights = folder / "weights.safetensors"
    tensors = {name: value.detach().cpu().contiguous() for name, value in separator.net.state_dict().items()}
    with replacing(weights) as temporary:
        save_file(tensors, temporary)
    card = {
        "schema_version": MODEL_SCHEMA_VERSION,
        "model": separator.model.model_dump(mode="json"),
        "clip": separator.clip.model_dump(mode="json"),
        "spectrogram": separator.spectrogram.model_dump(mode="json"),
        "target": separator.target,
        "weights_sha256": sha256(weights),
    }
    write_json(folder / "model.json", card | extra)


def load(folder: Path) -> Separator:
    """Read what `save` wrote, on the CPU; `SeparatorError` where a file is damaged or of another schema version."""
    card, weights = read_json(folder / "model.json"), folder / "weights.safetensors"
    _check_version(folder, card)
    found = sha256(weights)
    if found != card["weights_sha256"]:
        raise SeparatorError(
            f"{weights}: sha256 {found}, expected {card['weights_sha256']} as model.json says; the file is damaged, "
            f"run `dvc repro` or `dvc checkout` to restore it"
        )
    model = Model.model_validate(card["model"])
    net = PixelsSeparator(model)
    net.load_state_dict(load_file(weights))
    clip, spectrogram = Clip.model_validate(card["clip"]), Spectrogram.model_validate(card["spectrogram"])
    return Separator(net.eval(), model, clip, spectrogram, card["target"])


def _check_version(folder: Path, card: dict[str, Any]) -> None:
    version = card.get("schema_version", 1)  # the first one did not say so
    if version != MODEL_SCHEMA_VERSION:
        raise SeparatorError(
            f"{folder / 'model.json'}: schema version {version}, expected {MODEL_SCHEMA_VERSION}; run "
            f"`dvc repro train@{card.get('name', folder.name)}` to train it anew"
        )
