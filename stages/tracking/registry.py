"""Model versions: the same inputs give one version, and only after every file was read back from the artifact store."""

import os
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import mlflow
from mlflow import MlflowClient
from mlflow.entities import LoggedModelOutput, Metric, Param
from mlflow.entities.model_registry import ModelVersion
from mlflow.exceptions import MlflowException
from mlflow.models import Model
from mlflow.protos.databricks_pb2 import RESOURCE_ALREADY_EXISTS, ErrorCode

from stages.shards.files import sha256, write_json
from stages.tracking.evidence import Evidence
from stages.tracking.living import PROCESS, signature
from stages.tracking.packaging import package
from stages.tracking.provenance import digests
from stages.tracking.server import experiment_id, flatten, of_all_pages

HASHES = "hashes"  # tag of a version: sha256 of <HASHES>.json beside its run, which holds those of all files
_STAGE = "register"
_BATCH = 100  # the most params that MLflow takes at once


class RegistryError(ValueError):
    """The registry or its artifact store did not keep what it was given."""


@dataclass(frozen=True, slots=True)
class Record:
    """What a version is made of and carries.

    `inputs` names all that decides it, hashed; `tags` and `params` stand in MLflow as they are.
    """

    name: str
    inputs: str
    tags: Mapping[str, str]
    params: Mapping[str, Any]
    evidence: Evidence

    @property
    def all_tags(self) -> dict[str, str]:
        """Tags of run and version."""
        return {"stage": _STAGE, "model": self.name, "inputs": self.inputs, **self.tags}


def find_or_publish(client: MlflowClient, record: Record) -> str:
    """The version of these inputs, made if there is none; a run or version that was begun and left is no version.

    Raises:
        RegistryError: The artifact store gave other bytes than it got; no version was made.
    """
    _reap(client, record.name)
    return find_version(client, record.name, record.inputs) or _publish(client, record)


def find_version(client: MlflowClient, name: str, inputs: str) -> str | None:
    """Number of the oldest version with these inputs."""
    found = [version for version in versions_of(client, name) if version.tags.get("inputs") == inputs]
    return str(min(int(version.version) for version in found)) if found else None


def point(client: MlflowClient, name: str, alias: str, version: str) -> None:
    """Let an alias name a version; it leaves the one that it named before."""
    client.set_registered_model_alias(name, alias, version)


def _publish(client: MlflowClient, record: Record) -> str:
    with tempfile.TemporaryDirectory(prefix="pixels-register-") as scratch, _running(client, record) as run_id:
        files = Path(scratch) / "run"
        record.evidence.write(files)
        client.log_artifacts(run_id, str(files))
        _read_back(client, client.get_run(run_id).info.artifact_uri, files)
        model_id = _upload_model(client, record, run_id, Path(scratch) / "model")
        hashes = {"run": digests(files), "model": digests(Path(scratch) / "model")}
        tags = record.all_tags | {HASHES: _seal(client, run_id, hashes, Path(scratch))}
        return _create_version(client, tags, run_id, model_id)


def _seal(client: MlflowClient, run_id: str, hashes: dict[str, dict[str, str]], folder: Path) -> str:
    """Store what a version's files must hash to; sha256 of that."""
    path = folder / f"{HASHES}.json"
    write_json(path, hashes)
    client.log_artifact(run_id, str(path))
    there = folder / "sealed"
    there.mkdir()
    found, expected = sha256(Path(client.download_artifacts(run_id, path.name, str(there)))), sha256(path)
    if found != expected:
        raise RegistryError(f"{path.name}: read back as sha256 {found}, expected {expected}; no version was made")
    return expected


@contextmanager
def _running(client: MlflowClient, record: Record) -> Iterator[str]:
    """A run with params, metrics and curves, which ends as FINISHED or FAILED."""
    experiment = experiment_id(client)
    tags = record.all_tags | {PROCESS: signature(os.getpid())}
    run_id = client.create_run(experiment, tags=tags, run_name=f"{_STAGE} {record.name}").info.run_id
    status = "FAILED"
    try:
        params = [Param(name, str(value)) for name, value in flatten(record.params).items()]
        for start in range(0, len(params), _BATCH):
            client.log_batch(run_id, params=params[start : start + _BATCH])
        _log_metrics(client, run_id, record.evidence)
        yield run_id
        status = "FINISHED"
    finally:
        client.set_terminated(run_id, status)


def _log_metrics(client: MlflowClient, run_id: str, evidence: Evidence) -> None:
    now_ms = time.time_ns() // 1_000_000
    points = [Metric(name, value, now_ms, 0) for name, value in evidence.metrics().items()]
    points += [Metric(name, value, now_ms, step) for name, step, value in evidence.curves()]
    for start in range(0, len(points), _BATCH):
        client.log_batch(run_id, metrics=points[start : start + _BATCH])


def _upload_model(client: MlflowClient, record: Record, run_id: str, folder: Path) -> str:
    """Make, upload and check the files of a logged model; its id."""
    logged = client.create_logged_model(
        experiment_id(client), record.name, run_id, tags=record.all_tags, model_type="separator"
    )
    card = Model(
        artifact_path=logged.artifact_location, model_uuid=logged.model_id, run_id=run_id, model_id=logged.model_id
    )
    package(record.evidence.separator_folder, record.evidence.input_example, folder, card)
    client.log_model_artifacts(logged.model_id, str(folder))
    _read_back(client, logged.artifact_location, folder)
    client.finalize_logged_model(logged.model_id, "READY")
    client.log_outputs(run_id, [LoggedModelOutput(logged.model_id, step=0)])
    return logged.model_id


def _create_version(client: MlflowClient, tags: dict[str, str], run_id: str, model_id: str) -> str:
    """Create the version in one transaction with its tags; of two that were made at once the older one stays."""
    name = tags["model"]
    try:
        client.create_registered_model(name)
    except MlflowException as error:
        if error.error_code != ErrorCode.Name(RESOURCE_ALREADY_EXISTS):
            raise
    ours = client.create_model_version(name, source=f"models:/{model_id}", run_id=run_id, tags=tags, model_id=model_id)
    oldest = find_version(client, name, tags["inputs"]) or str(ours.version)
    if oldest != str(ours.version):
        client.delete_model_version(name, str(ours.version))
    else:
        client.update_run(run_id, name=f"{_STAGE} {name} {oldest}")  # else all runs look alike where one ticks two
    return oldest


def _read_back(client: MlflowClient, location: str | None, folder: Path) -> None:
    """Compare every file with what the artifact store gives for it; a version can else be READY without its files."""
    with tempfile.TemporaryDirectory(prefix="pixels-read-back-") as scratch:
        there = mlflow.artifacts.download_artifacts(location, dst_path=scratch, tracking_uri=client.tracking_uri)
        found = digests(Path(there))
    expected = digests(folder)
    wrong = sorted(path for path, digest in expected.items() if found.get(path) != digest)
    if wrong:
        raise RegistryError(
            f"{location}: {len(wrong)} of {len(expected)} files read back differ from what was stored; {wrong[0]}: "
            f"found sha256 {found.get(wrong[0], 'nothing')}, expected {expected[wrong[0]]}; no version was made. See "
            f"whether the artifact store's disk is full or damaged, then run the stage again"
        )


def _reap(client: MlflowClient, name: str) -> None:
    """End the runs of processes that were killed: MLflow would show them as running for ever."""
    same = f"tags.stage = '{_STAGE}' and tags.model = '{name}' and attributes.status = 'RUNNING'"
    complete = {version.run_id for version in versions_of(client, name)}
    for run in client.search_runs([experiment_id(client)], same):
        client.set_terminated(run.info.run_id, "FINISHED" if run.info.run_id in complete else "KILLED")


def versions_of(client: MlflowClient, name: str) -> list[ModelVersion]:
    """All versions of a model, without their aliases."""
    return list(_search(client, f"name = '{name}'"))


def every_version(client: MlflowClient) -> list[ModelVersion]:
    """All versions of all models, without their aliases."""
    return list(_search(client, None))


def _search(client: MlflowClient, condition: str | None) -> Iterator[ModelVersion]:
    return of_all_pages(lambda token: client.search_model_versions(condition, page_token=token))
