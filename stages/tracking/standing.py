"""Scores of a registered version on given mixes: those it was registered with, or those of a later evaluation.

Where mixes are the same, the mask decides as well: scores of soft and of binary masks stand side by side.
"""

import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from mlflow import MlflowClient

from stages.shards.files import sha256
from stages.shards.tables import read_columns, write_columns
from stages.tracking.registry import RegistryError
from stages.tracking.versions import Version, annotate, files_of, measured

_SCORES = "scores.parquet"


def scores_on(
    client: MlflowClient, version: Version, mixes: str, mask: str | None = None
) -> dict[str, list[Any]] | None:
    """Columns of a version's scores; a later evaluation on the same ground comes before the one it was registered with.

    Args:
        client: Of the registry.
        version: Whose.
        mixes: Sha256 of the mixes that are wanted.
        mask: How estimates were to be made; None: as when the version was registered.

    Returns:
        None where the version was not scored so; `RegistryError` where the stored file has changed.
    """
    ground = _ground(client, version, mixes, mask)
    expected = version.tags.get(f"rescored_{ground}")
    if expected is not None:
        return _rescored(client, version, ground, expected)
    if version.tags.get("mixes") == mixes and ground == mixes[:16]:
        with files_of(client, version, [_SCORES]) as folder:
            return read_columns(folder / _SCORES)
    return None


def keep_scores(
    client: MlflowClient,
    version: Version,
    mixes: str,
    columns: Mapping[str, Sequence[Any]],
    mask: str | None = None,
) -> None:
    """Keep a later evaluation of a version beside its run; the tag that makes it count comes last."""
    ground = _ground(client, version, mixes, mask)
    with tempfile.TemporaryDirectory(prefix="pixels-scores-") as scratch:
        path = Path(scratch) / _SCORES
        write_columns(path, columns)
        client.log_artifact(version.run_id, str(path), f"rescored/{ground}")
        annotate(client, version, {f"rescored_{ground}": sha256(path)})


def _ground(client: MlflowClient, version: Version, mixes: str, mask: str | None) -> str:
    """Name of what a version is scored on; a mask is named where it is not the version's own."""
    own = mask is None or measured(client, version).params.get("evaluate.mask", mask) == mask
    return mixes[:16] if own else f"{mixes[:16]}_{mask}"


def _rescored(client: MlflowClient, version: Version, ground: str, expected: str) -> dict[str, list[Any]]:
    name = f"rescored/{ground}/{_SCORES}"
    with tempfile.TemporaryDirectory(prefix="pixels-scores-") as scratch:
        path = Path(client.download_artifacts(version.run_id, name, scratch))
        if (found := sha256(path)) != expected:
            raise RegistryError(
                f"{version.address}: {name} has sha256 {found}, expected {expected}; "
                f"`python -m stages rescore {version.address} --again` makes it anew"
            )
        return read_columns(path)
