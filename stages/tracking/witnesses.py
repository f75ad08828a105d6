"""Which registered model versions have seen a video."""

from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from mlflow import MlflowClient
from mlflow.entities.model_registry import ModelVersion

from stages.shards.files import read_json
from stages.tracking.evidence import VIDEOS
from stages.tracking.registry import every_version

_ROLES = {"train": "was trained on it", "validation": "had its weights chosen by it", "examples": "shows it"}
_SILENT = "does not say what it has seen"


@dataclass(frozen=True, slots=True)
class Witness:
    """A version of a model, and what it had to do with a video."""

    model: str
    version: str
    aliases: tuple[str, ...]
    run_id: str
    model_id: str  # of MLflow's logged model, which holds the weights
    how: str


def witnesses(client: MlflowClient, video_id: str) -> list[Witness]:
    """All versions that have seen a video, by model and number; those that do not say what they saw among them."""
    found = sorted(every_version(client), key=lambda version: (version.name, int(version.version)))
    judged = [(version, _how(client, str(version.run_id), video_id)) for version in found]
    return [_witness(client, version, how) for version, how in judged if how]


def _how(client: MlflowClient, run_id: str, video_id: str) -> str:
    """What a version did with a video; empty: nothing."""
    if VIDEOS not in {file.path for file in client.list_artifacts(run_id)}:
        return _SILENT
    with TemporaryDirectory(prefix="pixels-videos-") as scratch:
        videos = read_json(Path(client.download_artifacts(run_id, VIDEOS, scratch)))
    return ", ".join(text for role, text in _ROLES.items() if video_id in videos[role])


def _witness(client: MlflowClient, version: ModelVersion, how: str) -> Witness:
    # a search gives versions without their aliases
    aliases = client.get_model_version(version.name, str(version.version)).aliases
    model_id = str(version.source).removeprefix("models:/")
    return Witness(version.name, str(version.version), tuple(aliases), str(version.run_id), model_id, how)
