"""A trained separator: waveforms in, waveforms out; and its files.

Axes: B mixtures, N sources of a mixture, S samples, P frames of a clip, F bins, R log-frequency rows, T spectrogram
frames.
"""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import torch
from pydantic import TypeAdapter
from safetensors.torch import load_file, save_file
from torch import Tensor
from torch.nn import functional

from stages.audio import masks
from stages.audio.logfreq import LogFrequency
from stages.audio.stft import Stft
from stages.networks.motions import MotionsSeparator
from stages.networks.network import Change, SeparatorNetwork
from stages.networks.separator import PixelsSeparator
from stages.params import Clip, Spectrogram
from stages.separators import Head, Model, Pixels
from stages.shards.files import read_json, replacing, sha256, write_json

MODEL_SCHEMA_VERSION = 4  # of model.json
Target = Literal["binary", "ratio"]  # what the logits were trained to predict


class SeparatorError(ValueError):
    """The files of a trained separator are damaged or do not fit together."""


@dataclass(frozen=True)
class Separator:
    """A network with the geometry it was trained for."""

    net: SeparatorNetwork
    model: Model
    clip: Clip
    spectrogram: Spectrogram
    target: Target
    stft: Stft = field(init=False)
    rows: LogFrequency = field(init=False)

    def __post_init__(self) -> None:
        stft = Stft(self.spectrogram)
        rows = LogFrequency(stft.num_bins, self.spectrogram.log_frequency_rows)
        object.__setattr__(self, "stft", stft.to(self.device))
        object.__setattr__(self, "rows", rows.to(self.device))

    @property
    def device(self) -> torch.device:
        """Where the network lives."""
        return next(self.net.parameters()).device

    def separate(
        self, mixture: Tensor, frames: Tensor, motion: Tensor | None = None, *, mask: Literal["soft", "binary"]
    ) -> Tensor:
        """Split mixtures by their pictures, with the mixture's phase (Zhao et al. 2018, section 3.2).

        Args:
            mixture: (B, S) in [-1, 1]; S need not be the training clip's.
            frames: (B, N, P, 3, H, W), one picture group a source, from `stages.networks.frames.to_input`.
            motion: (B, N, C, V, X, X) of the same squares, from `stages.networks.sight`, where the model sees motion.
            mask: "soft" as predicted; "binary" 1 where the soft mask is above one half.

        Returns:
            (B, N, S) on the mixture's device: the sources as they stand in the mixture.
        """
        soft = self.soft_masks(mixture, frames, motion)
        return self.masked(mixture, soft if mask == "soft" else (soft > 0.5).to(soft.dtype))

    @torch.no_grad()
    def soft_masks(
        self, mixture: Tensor, frames: Tensor, motion: Tensor | None = None, change: Change | None = None
    ) -> Tensor:
        """Masks as predicted, (B, N, F, T), for what `separate` takes; `change` as in `SeparatorNetwork`."""
        self.net.eval()
        magnitude = self.stft(mixture.to(self.device)).abs()
        moves = None if motion is None else motion.to(self.device)
        logits = self.net(self.rows.warp(magnitude)[:, None], frames.to(self.device), moves, change).float()
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


def build(model: Model, clip: Clip, spectrogram: Spectrogram) -> SeparatorNetwork:
    """An untrained network, its weights drawn from torch's own generator."""
    return PixelsSeparator(model) if isinstance(model, Pixels) else MotionsSeparator(model, clip, spectrogram)


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
    model: Model = TypeAdapter(Model).validate_python(card["model"])
    clip, spectrogram = Clip.model_validate(card["clip"]), Spectrogram.model_validate(card["spectrogram"])
    net = build(model, clip, spectrogram)
    net.load_state_dict(load_file(weights))
    return Separator(net.eval(), model, clip, spectrogram, card["target"])


def _check_version(folder: Path, card: dict[str, Any]) -> None:
    version = card.get("schema_version", 1)  # the first one did not say so
    if version != MODEL_SCHEMA_VERSION:
        raise SeparatorError(
            f"{folder / 'model.json'}: schema version {version}, expected {MODEL_SCHEMA_VERSION}; run "
            f"`dvc repro train@{card.get('name', folder.name)}` to train it anew"
        )
