"""The MLflow server (or sqlite file) of `stages.layout.tracking_uri`, and the one experiment all runs stand in."""

import logging
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from mlflow import MlflowClient
from mlflow.exceptions import MlflowException
from mlflow.protos.databricks_pb2 import RESOURCE_ALREADY_EXISTS, ErrorCode

from stages import layout

Client = MlflowClient  # for rooms that hold one without knowing mlflow
EXPERIMENT = "pixels"
_SQLITE = "sqlite:///"
# Without it MLflow's page opens on traces of language models, of which there are none, instead of the runs.
_KIND = {"mlflow.experimentKind": "custom_model_development"}


class TrackingError(ConnectionError, ValueError):
    """MLflow cannot be reached; another try may find it."""


def connect() -> MlflowClient:
    """A client that has had an answer; a new sqlite file gets its tables here. `TrackingError` where none came."""
    for name in ("mlflow.store.db.utils", "mlflow.pyfunc", "alembic"):  # which tell of each of their dozens of steps
        logging.getLogger(name).setLevel(logging.WARNING)
    uri = layout.tracking_uri()
    # Given here rather than by mlflow.set_tracking_uri, which changes the environment of all that runs later.
    try:
        client = MlflowClient(uri, os.environ.get("MLFLOW_REGISTRY_URI", uri))
        client.search_experiments(max_results=1)
    except Exception as error:  # mlflow lets those of requests, urllib3 and sqlalchemy through
        raise TrackingError(
            f"MLflow at {public_address()} does not answer ({reason(error)}); start it or set MLFLOW_TRACKING_URI"
        ) from error
    return client


def has_records() -> bool:
    """Whether anything can have been recorded: a sqlite file that is not there need not be made to be asked."""
    uri = layout.tracking_uri()
    return not uri.startswith(_SQLITE) or Path(uri.removeprefix(_SQLITE)).is_file()


def public_address() -> str:
    """The tracking address without a user's name and password."""
    scheme, mark, rest = layout.tracking_uri().partition("://")
    return scheme + mark + rest.rpartition("@")[2]


def how_to_look() -> str:
    """What to do to see runs and versions."""
    address = public_address()
    if not address.startswith(_SQLITE):
        return f"open {address}"
    return f"mlflow ui --backend-store-uri {address}, then open http://127.0.0.1:5000"


def reason(error: Exception) -> str:
    """First line of an error's text, without the password that MLflow would let stand in an address."""
    return str(error).partition("\n")[0].replace(layout.tracking_uri(), public_address())[:300]


def experiment_id(client: MlflowClient) -> str:
    """Id of the experiment, made when it is not there yet."""
    if (found := client.get_experiment_by_name(EXPERIMENT)) is not None:
        if found.tags.keys().isdisjoint(_KIND):
            for name, value in _KIND.items():
                client.set_experiment_tag(found.experiment_id, name, value)
        return found.experiment_id
    try:
        return client.create_experiment(EXPERIMENT, artifact_location(layout.tracking_uri()), _KIND)
    except MlflowException as error:
        if error.error_code != ErrorCode.Name(RESOURCE_ALREADY_EXISTS):
            raise
        return experiment_id(client)  # another process was faster


def artifact_location(uri: str) -> str | None:
    """Folder `mlartifacts` beside a sqlite file, since MLflow would take one below wherever it was started."""
    folder = layout.artifacts(uri)
    return None if folder is None else folder.as_uri()


def of_all_pages(ask: Callable[[str | None], Any]) -> Iterator[Any]:
    """What MLflow gives page by page; `ask` gives the page of a token, the first one for None."""
    token: str | None = None
    while True:
        page = ask(token)
        yield from page
        token = page.token
        if not token:
            return


def flatten(tree: Mapping[str, Any], separator: str = ".") -> dict[str, Any]:
    """Leaves by their joined keys, of lists of mappings by their places: {"a": [{"b": 1}]} -> {"a.0.b": 1}."""
    return dict(_leaves(tree, separator))


def _leaves(tree: Mapping[Any, Any], separator: str) -> Iterator[tuple[str, Any]]:
    for key, value in tree.items():
        below = dict(enumerate(value)) if isinstance(value, list | tuple) and _are_mappings(value) else value
        if isinstance(below, Mapping):
            yield from ((f"{key}{separator}{name}", leaf) for name, leaf in _leaves(below, separator))
        else:
            yield str(key), value


def _are_mappings(values: Sequence[Any]) -> bool:
    return bool(values) and all(isinstance(value, Mapping) for value in values)
