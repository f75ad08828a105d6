"""A separator's files as an MLflow model that loads anywhere: its code, weights, pinned needs and a real example."""

import shutil
import tempfile
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
from mlflow import pyfunc
from mlflow.models import Model, ModelSignature
from mlflow.types import DataType, ParamSchema, ParamSpec, Schema, TensorSpec

from stages.tracking.examples import Example

_STAGES = Path(__file__).resolve().parents[1]
# What separator_model.py imports; a test loads a version far from this repository.
_CODE = (
    *("__init__.py", "bounds.py", "params.py", "separators.py"),
    *("audio", "networks", "shards/__init__.py", "shards/files.py"),
)
_SEPARATOR = "separator"  # the artifact's name in separator_model.py
_PACKAGES = ("mlflow", "torch", "torchaudio", "numpy", "safetensors", "pydantic", "pyyaml")
_INPUTS = (
    TensorSpec(np.dtype("float32"), (-1, -1), "mixture"),
    TensorSpec(np.dtype("uint8"), (-1, -1, -1, -1, -1, 3), "frames"),
)
_MOTION = TensorSpec(np.dtype("float32"), (-1,) * 6, "motion")


def signature(*specs: TensorSpec) -> ModelSignature:
    """What `predict` takes and gives, for a model with these inputs."""
    return ModelSignature(
        inputs=Schema(list(specs)),
        outputs=Schema([TensorSpec(np.dtype("float32"), (-1, -1, -1))]),
        params=ParamSchema([ParamSpec("mask", DataType.string, "soft")]),
    )


SIGNATURE = signature(*_INPUTS)
MOVING_SIGNATURE = signature(*_INPUTS, _MOTION)  # of a model that sees motion


def package(separator: Path, example: Example, folder: Path, card: Model) -> None:
    """Write a pyfunc model.

    Args:
        separator: Folder with weights.safetensors and model.json.
        example: Becomes the input example.
        folder: To be made.
        card: MLflow's own description, which says what run and logged model this belongs to.
    """
    with tempfile.TemporaryDirectory(prefix="pixels-package-") as scratch:
        code = _copy(_STAGES, _CODE, Path(scratch) / "stages")
        files = _copy(separator, ("weights.safetensors", "model.json"), Path(scratch) / _SEPARATOR)
        pyfunc.save_model(
            str(folder),
            python_model=str(_STAGES / "tracking" / "separator_model.py"),
            artifacts={_SEPARATOR: str(files)},
            code_paths=[str(code)],
            signature=SIGNATURE if example.motion is None else MOVING_SIGNATURE,
            input_example=_input(example),
            pip_requirements=requirements(),
            mlflow_model=card,
        )
    for cache in list(folder.rglob("__pycache__")):
        shutil.rmtree(cache)


def requirements() -> list[str]:
    """Direct needs, pinned to what is installed; a build's local label (`+cpu`) is no version an index knows."""
    return [f"{name}=={version(name).partition('+')[0]}" for name in _PACKAGES]


def _input(example: Example) -> dict[str, Any]:
    motion = {} if example.motion is None else {"motion": example.motion[None]}
    return {"mixture": example.mixture[None], "frames": example.square_frames()[None]} | motion


def _copy(source: Path, names: tuple[str, ...], target: Path) -> Path:
    for name in names:
        (target / name).parent.mkdir(parents=True, exist_ok=True)
        if (source / name).is_dir():
            shutil.copytree(source / name, target / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copyfile(source / name, target / name)
    return target
