"""Versions that saw a video, in a real registry."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from mlflow import MlflowClient

from stages.tracking.server import connect, experiment_id, has_records
from stages.tracking.witnesses import Witness, witnesses

ROLES = ("train", "validation", "examples")


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MlflowClient]:
    folder = tmp_path_factory.mktemp("registry")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{folder / 'mlflow.db'}")
        assert not has_records()
        connected = connect()
        assert has_records()
        yield connected


def add_version(client: MlflowClient, model: str, videos: dict[str, list[str]] | None) -> tuple[str, str]:
    """A version whose run says whom it saw, or not; ids of the run and of its logged model."""
    experiment = experiment_id(client)
    run_id = client.create_run(experiment).info.run_id
    model_id = client.create_logged_model(experiment, model, run_id).model_id
    if videos is not None:
        client.log_dict(run_id, {role: videos.get(role, []) for role in ROLES}, "videos.json")
    if not client.search_registered_models(f"name = '{model}'"):
        client.create_registered_model(model)
    client.create_model_version(model, source=f"models:/{model_id}", run_id=run_id, model_id=model_id)
    return run_id, model_id


def test_only_versions_that_saw_a_video_or_do_not_say_are_found(client: MlflowClient) -> None:
    trained = add_version(client, "pixels", {"train": ["a", "b"], "examples": ["c"]})
    chosen = add_version(client, "pixels", {"validation": ["a"], "examples": ["a"]})
    add_version(client, "pixels", {"train": ["b"], "examples": ["c"]})
    silent = add_version(client, "motions", None)
    client.set_registered_model_alias("pixels", "candidate", "2")
    how = "had its weights chosen by it, shows it"
    assert witnesses(client, "a") == [
        Witness("motions", "1", (), *silent, "does not say what it has seen"),
        Witness("pixels", "1", (), *trained, "was trained on it"),
        Witness("pixels", "2", ("candidate",), *chosen, how),
    ]
    assert [witness.model for witness in witnesses(client, "z")] == ["motions"]


def test_a_server_may_always_have_records(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:9")
    assert has_records()
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{tmp_path / 'mlflow.db'}")
    assert not has_records()
