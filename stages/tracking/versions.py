"""Registered versions by alias or number: found, read with every hash checked, promoted and rolled back."""

import re
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import mlflow
from mlflow import MlflowClient
from mlflow.entities.model_registry import ModelVersion
from mlflow.exceptions import MlflowException
from mlflow.utils.mlflow_tags import MLFLOW_RUN_NOTE

from stages.networks.separation import Separator, load
from stages.shards.files import read_json, sha256
from stages.tracking.evidence import LATENCY, SIZE
from stages.tracking.provenance import digests
from stages.tracking.registry import HASHES, RegistryError, versions_of

CHAMPION, PREVIOUS = "champion", "previous"
ROLLED_BACK = "rolled_back"  # tag of a version that was champion until it had to go
PROMOTED = "promoted"  # tag: when it became champion
DESPITE = "promoted_despite"  # tag: a person's reason to overrule the gate
_SEPARATOR = Path("artifacts/separator")  # in a model's folder
_ADDRESS = re.compile(r"(?P<model>[a-z][a-z0-9_]*)(@(?P<alias>[a-z][a-z0-9_]*)|/(?P<number>[0-9]+))")


@dataclass(frozen=True, slots=True)
class Version:
    """A version of a registered model; `created_ms` since 1970."""

    model: str
    number: str
    run_id: str
    model_id: str  # of MLflow's logged model
    tags: dict[str, str]
    aliases: tuple[str, ...]
    created_ms: int

    @property
    def address(self) -> str:
        """As `find` takes it."""
        return f"{self.model}/{self.number}"


def is_address(text: str) -> bool:
    """Whether a text names a version: `pixels@champion` or `pixels/3`."""
    return _ADDRESS.fullmatch(text) is not None


def find(client: MlflowClient, address: str) -> Version:
    """The version of an address; `RegistryError` where there is none."""
    parts = _ADDRESS.fullmatch(address)
    if parts is None:
        raise RegistryError(f"{address}: no address of a version; expected one like pixels@champion or pixels/3")
    try:
        if parts["alias"]:
            return _version(client.get_model_version_by_alias(parts["model"], parts["alias"]))
        return _version(client.get_model_version(parts["model"], parts["number"]))
    except MlflowException as error:
        there = ", ".join(version.address for version in history(client, parts["model"])) or "none"
        raise RegistryError(f"{address}: no such version in the registry; there are: {there}") from error


def find_alias(client: MlflowClient, model: str, alias: str) -> Version | None:
    """The version that an alias names, if it names one."""
    found = [version for version in history(client, model) if alias in version.aliases]
    return found[0] if found else None


def history(client: MlflowClient, model: str) -> list[Version]:
    """All versions of a model with their aliases, oldest first."""
    numbers = sorted(int(version.version) for version in versions_of(client, model))
    # a search gives versions without their aliases
    return [_version(client.get_model_version(model, str(number))) for number in numbers]


def named(client: MlflowClient, names: Sequence[str]) -> list[Version]:
    """Versions by model (all of its versions) or address, each once; without names, those of all registered models."""
    wanted = names or sorted(model.name for model in client.search_registered_models(max_results=1000))
    groups = [[find(client, name)] if is_address(name) else history(client, name) for name in wanted]
    empty = [name for name, group in zip(wanted, groups, strict=True) if not group and names]
    if empty:
        raise RegistryError(f"{', '.join(empty)}: no version is registered")
    return list({version.address: version for group in groups for version in group}.values())


@contextmanager
def files_of(client: MlflowClient, version: Version, names: Sequence[str]) -> Iterator[Path]:
    """A folder with some files of a version's run, such as scores.parquet, each with the hash it was stored with."""
    with tempfile.TemporaryDirectory(prefix="pixels-version-") as scratch:
        expected = _hashes(client, version, Path(scratch) / "hashes")["run"]
        folder = Path(scratch) / "files"
        folder.mkdir()
        for name in names:
            if name not in expected:
                raise RegistryError(f"{version.address}: holds no {name}; register it again")
            client.download_artifacts(version.run_id, name, str(folder))
        _check(version, {name: expected[name] for name in names}, digests(folder))
        yield folder


@contextmanager
def separator_of(client: MlflowClient, version: Version) -> Iterator[Path]:
    """A folder with a version's separator; `RegistryError` where a byte of its files, its code among them, changed."""
    with tempfile.TemporaryDirectory(prefix="pixels-version-") as scratch:
        expected = _hashes(client, version, Path(scratch) / "hashes")["model"]
        location = client.get_logged_model(version.model_id).artifact_location
        target = Path(scratch) / "model"
        target.mkdir()
        try:
            there = mlflow.artifacts.download_artifacts(
                location, dst_path=str(target), tracking_uri=client.tracking_uri
            )
        except (MlflowException, OSError) as error:
            raise RegistryError(f"{version.address}: {location} cannot be read ({error})") from error
        _check(version, expected, digests(Path(there)))
        yield Path(there) / _SEPARATOR


def load_version(client: MlflowClient, version: Version) -> Separator:
    """The separator of a version, checked as `separator_of` does."""
    with separator_of(client, version) as folder:
        return load(folder)


@dataclass(frozen=True, slots=True)
class Measured:
    """What a version's run says of it: params as MLflow flattens them, and what it costs."""

    params: dict[str, str]
    latency_ms: float
    size_bytes: int


def measured(client: MlflowClient, version: Version) -> Measured:
    """What was measured when a version was registered; a cost that was not is infinite."""
    data = client.get_run(version.run_id).data
    size_bytes = data.metrics.get(SIZE)
    unknown = 2**63  # above any bound
    return Measured(
        params=dict(data.params),
        latency_ms=float(data.metrics.get(LATENCY, float("inf"))),
        size_bytes=unknown if size_bytes is None else int(size_bytes),
    )


def promote(client: MlflowClient, version: Version, *, despite: str | None) -> None:
    """Make a version the champion, and the champion before it `previous`.

    In this order a process that dies in between leaves the old champion in its place, and may be run again.

    Args:
        client: Of the registry.
        version: The new champion.
        despite: A person's reason to overrule the gate.
    """
    champion = find_alias(client, version.model, CHAMPION)
    if champion is not None and champion.number != version.number:
        client.set_registered_model_alias(version.model, PREVIOUS, champion.number)
    if despite is not None:
        _tag(client, version, DESPITE, despite)
    _tag(client, version, PROMOTED, _now())
    client.set_registered_model_alias(version.model, CHAMPION, version.number)


def rollback(client: MlflowClient, model: str) -> tuple[Version, Version]:
    """Give the previous champion its place back; the one that had to go, and the one that came.

    The one that had to go is marked first, so that it is not promoted again by whatever runs unattended.
    """
    champion, previous = (find_alias(client, model, alias) for alias in (CHAMPION, PREVIOUS))
    if champion is None or previous is None or champion.number == previous.number:
        raise RegistryError(f"{model}: there is no previous champion to go back to; see `python -m stages history`")
    _tag(client, champion, ROLLED_BACK, _now())
    client.set_registered_model_alias(model, CHAMPION, previous.number)
    client.delete_registered_model_alias(model, PREVIOUS)
    return champion, previous


def annotate(client: MlflowClient, version: Version, tags: dict[str, str]) -> None:
    """Write tags on a version and on its run, where the comparison of runs shows them."""
    for name, value in tags.items():
        _tag(client, version, name, value)
        client.set_tag(version.run_id, name, value)


def describe(client: MlflowClient, version: Version, text: str) -> None:
    """Markdown that MLflow shows first on the page of a version and on that of its run."""
    client.update_model_version(version.model, version.number, text)
    client.set_tag(version.run_id, MLFLOW_RUN_NOTE, text)


def _tag(client: MlflowClient, version: Version, name: str, value: str) -> None:
    client.set_model_version_tag(version.model, version.number, name, value)


def _now() -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())


def _version(found: ModelVersion) -> Version:
    return Version(
        model=found.name,
        number=str(found.version),
        run_id=str(found.run_id),
        model_id=str(found.source).removeprefix("models:/"),
        tags=dict(found.tags),
        aliases=tuple(sorted(found.aliases)),
        created_ms=int(found.creation_timestamp or 0),
    )


def _hashes(client: MlflowClient, version: Version, folder: Path) -> dict[str, dict[str, str]]:
    """What the files of a version must hash to, by `run` and `model` and relative path."""
    sealed = version.tags.get(HASHES)
    if sealed is None:
        raise RegistryError(
            f"{version.address}: says no hashes of its files: an older one; delete it, then register it again"
        )
    folder.mkdir()
    try:
        path = Path(client.download_artifacts(version.run_id, f"{HASHES}.json", str(folder)))
    except (MlflowException, OSError) as error:
        raise RegistryError(f"{version.address}: {HASHES}.json cannot be read ({error})") from error
    _check(version, {path.name: sealed}, {path.name: sha256(path)})
    return read_json(path)


def _check(version: Version, expected: dict[str, str], found: dict[str, str]) -> None:
    """Refuse what is missing, changed or was not there."""
    wrong = sorted(path for path in expected.keys() | found.keys() if expected.get(path) != found.get(path))
    if wrong:
        said, seen = expected.get(wrong[0], "nothing"), found.get(wrong[0], "nothing")
        raise RegistryError(
            f"{version.address}: {len(wrong)} of its files are not what was registered; {wrong[0]}: found sha256 "
            f"{seen}, expected {said}; the artifact store is damaged or was changed: restore it from a backup, or go "
            f"back with `python -m stages rollback {version.model}`"
        )
