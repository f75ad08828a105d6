"""A separator as an MLflow model: a mixture and pictures of its players in, one waveform a player out.

This file is copied into every model version and run there (models-from-code); nothing is pickled.

Input, two tensors, or three; as JSON for `mlflow models predict -i` and for a server's /invocations:
`{"inputs": {"mixture": [...], "frames": [...]}}`
    mixture: float32 (B, S), mono in [-1, 1] at `clip.sample_rate_hz` of the version's model.json.
    frames: uint8 (B, N, P, H, W, 3), RGB: P frames of each of N players, from the time of the mixture; of each the
        central square is used, which must be at least `appearance.crop_px` wide.
    motion: float32 (B, N, C, V, X, X), only where the version's model.json says `kind: motions` and its motion.input is
        not none: what moves in those squares, as `stages/networks/sight.py` gives it.
Params: `mask`, "soft" (default) or "binary"; as JSON beside the inputs: `"params": {"mask": "binary"}`.
Output: float32 (B, N, S), the players in the order of their frames; as JSON `{"predictions": [...]}`.
"""

from pathlib import Path
from typing import Any

import mlflow
import numpy as np
import torch
from mlflow.pyfunc import PythonModel, PythonModelContext
from numpy.typing import NDArray

from stages.networks.frames import to_input
from stages.networks.separation import load

_SEPARATOR = "separator"  # the artifact: a folder with weights.safetensors and model.json


class SeparatorModel(PythonModel):
    """Loads a separator, whose weights are checked against model.json, and applies it."""

    # MLflow asks for a hint on model_input but knows none for a mapping of tensors, which the signature checks.
    _skip_type_hint_validation = True

    def load_context(self, context: PythonModelContext) -> None:
        """Read the weights once."""
        self._separator = load(Path(context.artifacts[_SEPARATOR]))

    def predict(self, context: Any, model_input, params: Any = None) -> Any:  # noqa: ANN001, ARG002 # pyright: ignore
        """Waveforms (B, N, S) for {"mixture": (B, S), "frames": (B, N, P, H, W, 3)}."""
        mask = (params or {}).get("mask", "soft")
        mixture, frames = np.asarray(model_input["mixture"], np.float32), np.asarray(model_input["frames"], np.uint8)
        _check(mixture, frames, mask)
        crop_px = self._separator.model.appearance.crop_px
        looks = [[to_input(list(group), crop_px, generator=None) for group in groups] for groups in frames]
        pictures = torch.stack([torch.stack(groups) for groups in looks])
        given = model_input.get("motion")
        motion = None if given is None else torch.from_numpy(np.asarray(given, np.float32))
        return self._separator.separate(torch.from_numpy(mixture), pictures, motion, mask=mask).numpy()


def _check(mixture: NDArray[np.float32], frames: NDArray[np.uint8], mask: str) -> None:
    if mixture.ndim != 2 or frames.ndim != 6 or frames.shape[-1] != 3 or 0 in frames.shape + mixture.shape:
        raise ValueError(
            f"expected mixture (B, S) and frames (B, N, P, H, W, 3), none empty, "
            f"found {mixture.shape} and {frames.shape}"
        )
    if len(mixture) != len(frames):
        raise ValueError(f"expected frames for each mixture, found {len(mixture)} mixtures and {len(frames)} of frames")
    if not np.isfinite(mixture).all():
        raise ValueError("mixture: expected finite samples in [-1, 1], found NaN or infinity")
    if mask not in ("soft", "binary"):
        raise ValueError(f"mask: expected soft or binary, found {mask!r}")


mlflow.models.set_model(SeparatorModel())
