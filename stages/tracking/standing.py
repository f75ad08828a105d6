"""Scores of a registered version on given mixes: those it was registered with, or those of a later evaluation."""

import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from mlflow import MlflowClient

from stages.shards.files import sha256
from stages.shards.tables import read_columns, write_columns
from stages.tracking.registry import RegistryError
from stages.tracking.versions import Version, annotate, files_of

_SCORES = "scores.parquet"


def scores_on(client: MlflowClient, version: Version, mixes: str) -> dict[str, list[Any]] | None:
    """Columns of a version's scores.

    Args:
        client: Of the registry.
        version: Whose.
        mixes: Sha256 of the mixes that are wanted.

    Returns:
        None where the version was not scored on them; `RegistryError` where the stored file has changed.
    """
    if version.tags.get("mixes") == mixes:
        with files_of(client, version, [_SCORES]) as folder:
            return read_columns(folder / _SCORES)
    expected = version.tags.get(_tag(mixes))
    if expected is None:
        return None
    with tempfile.TemporaryDirectory(prefix="pixels-scores-") as scratch:
        path = Path(client.download_artifacts(version.run_id, f"{_folder(mixes)}/{_SCORES}", scratch))
        if (found := sha256(path)) != expected:
            raise RegistryError(
                f"{version.address}: {_folder(mixes)}/{_SCORES} has sha256 {found}, expected {expected}; score it again"
            )
        return read_columns(path)


def keep_scores(client: MlflowClient, version: Version, mixes: str, columns: Mapping[str, Sequence[Any]]) -> None:
    """Keep a version's scores on other mixes beside its run; the tag that makes them count comes last."""
    with tempfile.TemporaryDirectory(prefix="pixels-scores-") as scratch:
        path = Path(scratch) / _SCORES
        write_columns(path, columns)
        client.log_artifact(version.run_id, str(path), _folder(mixes))
        annotate(client, version, {_tag(mixes): sha256(path)})


def _folder(mixes: str) -> str:
    return f"rescored/{mixes[:16]}"


def _tag(mixes: str) -> str:
    return f"rescored_{mixes[:16]}"
