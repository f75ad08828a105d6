"""Runs and logged models of MLflow that are no good to anybody: closed, binned and, after a while, erased.

Nothing of a registered version is touched, and nothing of other experiments but what is in MLflow's bin already.
"""

import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal
from urllib.parse import unquote, urlparse

from mlflow import MlflowClient
from mlflow.entities import Run, ViewType
from mlflow.exceptions import MlflowException
from mlflow.protos.databricks_pb2 import RESOURCE_DOES_NOT_EXIST, ErrorCode

from stages import layout
from stages.tracking.living import PROCESS, is_alive
from stages.tracking.registry import every_version
from stages.tracking.server import EXPERIMENT, TrackingError, of_all_pages

Fate = Literal["closed", "binned", "erased"]
Kind = Literal["run", "model"]
_DAY_MS = 24 * 3600 * 1000
_ERASED = re.compile(r"^(Run|Logged model) with ID (\S+) has been permanently deleted", re.MULTILINE)
_GC_TIMEOUT_S = 3600
_LONG_AGO = "it was deleted long ago"


@dataclass(frozen=True, slots=True)
class Loose:
    """A run or logged model, what becomes of it, and why; `num_bytes` of its files, None where they lie elsewhere."""

    fate: Fate
    kind: Kind
    id: str
    name: str
    why: str
    num_bytes: int | None


def left_running(client: MlflowClient, *, oldest_ms: int) -> list[Loose]:
    """Runs that MLflow shows as running though nobody writes them.

    Those whose processes ran on this machine and are gone; and those of which nobody can tell, other machines' and
    earlier boots', once nothing was heard of them since `oldest_ms`.
    """
    found: list[Loose] = []
    for run in _runs(client, "attributes.status = 'RUNNING'"):
        alive = is_alive(run.data.tags.get(PROCESS, ""))
        if alive is False:
            found.append(_loose("closed", run, "its process is gone"))
        elif alive is None and (last_ms := _last_heard_ms(client, run)) < oldest_ms:
            found.append(_loose("closed", run, f"nothing was heard of it for {_days_before(oldest_ms, last_ms)} more"))
    return found


def useless(client: MlflowClient, *, oldest_ms: int) -> list[Loose]:
    """Runs that ended before `oldest_ms` without a single metric, and models no version names; no version's own."""
    versions = every_version(client)
    kept_runs = {version.run_id for version in versions}
    kept_models = {str(version.source).removeprefix("models:/") for version in versions}
    ended = f"attributes.status != 'RUNNING' and attributes.end_time < {oldest_ms}"
    empty = [run for run in _runs(client, ended) if not run.data.metrics and run.info.run_id not in kept_runs]
    found = [_loose("binned", run, "it holds no metrics") for run in empty]
    for model in _logged_models(client):
        if model.model_id not in kept_models and model.last_updated_timestamp < oldest_ms:
            size = _num_bytes(model.artifact_location)
            found.append(Loose("binned", "model", model.model_id, model.name, "no version names it", size))
    return found


def close(client: MlflowClient, found: list[Loose]) -> None:
    """End runs as KILLED."""
    for loose in found:
        client.set_tag(loose.id, "closed_because", loose.why)
        client.set_terminated(loose.id, "KILLED")


def put_into_bin(client: MlflowClient, found: list[Loose]) -> None:
    """Delete as MLflow does: hidden, and restored with `mlflow runs restore` until they are erased."""
    for loose in found:
        if loose.kind == "run":
            client.delete_run(loose.id)
        else:
            client.delete_logged_model(loose.id)


def binned(client: MlflowClient) -> list[Loose]:
    """Runs of our experiment that are in MLflow's bin."""
    runs = _runs(client, "", view=ViewType.DELETED_ONLY)
    return [_loose("erased", run, _LONG_AGO) for run in runs]


def erase(client: MlflowClient, *, keep_days: float) -> list[Loose]:
    """Empty MLflow's bin of what was deleted before `keep_days`, files and all, by `mlflow gc`.

    Raises:
        TrackingError: Nothing was erased: a version's own run or model is in the bin, or the database is not here.
    """
    if spoiled := _half_deleted(client):
        raise TrackingError(
            f"{', '.join(spoiled)}: a registered version whose run or model is deleted, so nothing is erased; restore "
            f"it (`mlflow runs restore --run-id ...`) or delete the version too, then tidy again"
        )
    there = {loose.id: loose for loose in binned(client)}
    command = ["gc", "--backend-store-uri", _database(), "--older-than", f"{keep_days:g}d"]
    done = subprocess.run(
        [sys.executable, "-m", "mlflow", *command],
        env={**os.environ, "MLFLOW_TRACKING_URI": layout.tracking_uri()},
        capture_output=True,
        text=True,
        check=False,
        timeout=_GC_TIMEOUT_S,
    )
    if done.returncode:
        raise TrackingError(f"`mlflow {command[0]}` ended with status {done.returncode}: {done.stderr[-500:]}")
    gone = _ERASED.findall(done.stdout + done.stderr)
    unseen: dict[str, Kind] = {"Run": "run", "Logged model": "model"}
    return [there.get(name, Loose("erased", unseen[kind], name, name, _LONG_AGO, None)) for kind, name in gone]


def _database() -> str:
    uri = os.environ.get("MLFLOW_BACKEND_STORE_URI", layout.tracking_uri())
    if uri.startswith(("http://", "https://")):
        raise TrackingError(
            "what is deleted can be erased only beside the server's database: set MLFLOW_BACKEND_STORE_URI, or run "
            "`mlflow gc` on its host"
        )
    return uri


def _half_deleted(client: MlflowClient) -> list[str]:
    """Versions that are there while their run or their model is in the bin."""
    deleted = {run.info.run_id for run in _runs(client, "", view=ViewType.DELETED_ONLY)}
    versions = every_version(client)
    spoiled = [v for v in versions if v.run_id in deleted or not _has_model(client, str(v.source))]
    return [f"{version.name}/{version.version}" for version in spoiled]


def _has_model(client: MlflowClient, source: str) -> bool:
    try:
        client.get_logged_model(source.removeprefix("models:/"))
    except MlflowException as error:
        if error.error_code != ErrorCode.Name(RESOURCE_DOES_NOT_EXIST):
            raise
        return False
    return True


def _runs(client: MlflowClient, condition: str, view: int = ViewType.ACTIVE_ONLY) -> Iterator[Run]:
    return _ours(client, lambda ids, token: client.search_runs(ids, condition, view, page_token=token))


def _logged_models(client: MlflowClient) -> Iterator[Any]:
    return _ours(client, lambda ids, token: client.search_logged_models(ids, page_token=token))


def _ours(client: MlflowClient, ask: Callable[[list[str], str | None], Any]) -> Iterator[Any]:
    """What a search finds in our own experiment; nothing where there is none yet."""
    experiment = client.get_experiment_by_name(EXPERIMENT)
    if experiment is not None:
        yield from of_all_pages(lambda token: ask([experiment.experiment_id], token))


def _last_heard_ms(client: MlflowClient, run: Run) -> int:
    points = [point for name in run.data.metrics for point in client.get_metric_history(run.info.run_id, name)]
    return max([int(run.info.start_time), *(int(point.timestamp) for point in points)])


def _days_before(oldest_ms: int, last_ms: int) -> str:
    return f"{(oldest_ms - last_ms) / _DAY_MS:.0f} days"


def _loose(fate: Fate, run: Run, why: str) -> Loose:
    return Loose(fate, "run", run.info.run_id, str(run.info.run_name), why, _num_bytes(run.info.artifact_uri))


def _num_bytes(location: str | None) -> int | None:
    """Of files on this machine."""
    parts = urlparse(location or "")
    if parts.scheme not in ("", "file") or not parts.path:
        return None
    return sum(path.stat().st_size for path in Path(unquote(parts.path)).rglob("*") if path.is_file())
