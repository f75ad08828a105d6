"""What stands between the workspace and an MLflow server."""

from pathlib import Path

import pytest
from mlflow import MlflowClient

from stages.tracking.server import (
    TrackingError,
    artifact_location,
    connect,
    experiment_id,
    flatten,
    how_to_look,
    public_address,
)


def test_flatten_joins_keys_and_keeps_lists_and_empty_values() -> None:
    tree = {"a": {"b": 1, "c": {"d": [1, {"e": 2}]}}, "f": None, "g": {}}
    assert flatten(tree) == {"a.b": 1, "a.c.d": [1, {"e": 2}], "f": None}
    assert flatten({"a": {"b": 1}}, "/") == {"a/b": 1}


def test_artifacts_lie_beside_a_sqlite_file_wherever_one_stands(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir("/usr")
    assert artifact_location("sqlite:////tmp/somewhere/mlflow.db") == "file:///tmp/somewhere/mlartifacts"
    assert artifact_location("sqlite:///mlflow.db") == "file:///usr/mlartifacts"
    assert artifact_location("http://127.0.0.1:5000") is None


@pytest.mark.parametrize(
    ("address", "shown"),
    [
        ("https://me:secret@mlflow.example:5000/x", "https://mlflow.example:5000/x"),
        ("http://127.0.0.1:5000", "http://127.0.0.1:5000"),
        ("sqlite:////tmp/mlflow.db", "sqlite:////tmp/mlflow.db"),
    ],
)
def test_the_address_is_shown_without_a_password(monkeypatch: pytest.MonkeyPatch, address: str, shown: str) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", address)
    assert public_address() == shown


def test_how_to_look_fits_the_address(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:5000")
    assert how_to_look() == "open http://127.0.0.1:5000"
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "sqlite:////tmp/mlflow.db")
    assert how_to_look().startswith("mlflow ui --backend-store-uri sqlite:////tmp/mlflow.db, then")


def test_the_experiment_is_made_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{tmp_path / 'mlflow.db'}")
    monkeypatch.chdir(tmp_path)
    client = connect()
    assert experiment_id(client) == experiment_id(MlflowClient(f"sqlite:///{tmp_path / 'mlflow.db'}"))
    assert len(client.search_experiments()) == 2  # MLflow's own "Default" beside it
    assert {path.name for path in tmp_path.iterdir()} == {"mlflow.db"}


def test_an_experiment_of_before_is_shown_as_training_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{tmp_path / 'mlflow.db'}")
    monkeypatch.chdir(tmp_path)
    client = connect()
    former = client.create_experiment("pixels")
    assert experiment_id(client) == former
    assert client.get_experiment(former).tags["mlflow.experimentKind"] == "custom_model_development"


def test_a_server_that_is_away_is_named_without_its_password(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://me:secret@127.0.0.1:9")
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    with pytest.raises(TrackingError, match=r"http://127\.0\.0\.1:9 does not answer") as refused:
        connect()
    assert "secret" not in str(refused.value)
