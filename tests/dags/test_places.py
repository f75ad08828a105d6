"""Where runs happen, and that all of them share store and registry."""

from pathlib import Path

import pytest
from places import places


def test_everything_lies_in_the_workspace_unless_said_otherwise(tmp_path: Path) -> None:
    found = places({"PIXELS_WORKSPACE": str(tmp_path)})
    assert (found.workspace, found.runs, found.inbox) == (tmp_path, tmp_path / ".runs", tmp_path / "inbox")
    shared = found.environment()
    assert shared["PIXELS_STORE"] == str(tmp_path / ".store")
    assert shared["MLFLOW_TRACKING_URI"] == f"sqlite:///{tmp_path}/mlflow.db"
    moved = places({"PIXELS_WORKSPACE": str(tmp_path), "PIXELS_RUNS": "/fast/runs", "PIXELS_INBOX": "../in"})
    assert (moved.runs, moved.inbox) == (Path("/fast/runs"), tmp_path / "../in")


@pytest.mark.parametrize(
    ("given", "used"),
    [
        ("sqlite:///mlflow.db", "sqlite:////w/mlflow.db"),
        ("sqlite:////srv/mlflow.db", "sqlite:////srv/mlflow.db"),
        ("http://127.0.0.1:5000", "http://127.0.0.1:5000"),
    ],
)
def test_a_registry_in_a_file_is_the_same_from_every_worktree(given: str, used: str) -> None:
    assert places({"PIXELS_WORKSPACE": "/w", "MLFLOW_TRACKING_URI": given}).tracking_uri() == used


def test_a_store_that_is_shared_by_hosts_is_left_where_it_is() -> None:
    given = {"PIXELS_WORKSPACE": "/w", "PIXELS_STORE": "/srv/store", "OTHER": "kept"}
    environment = places(given).environment()
    assert (environment["PIXELS_STORE"], environment["OTHER"]) == ("/srv/store", "kept")


def test_commands_of_the_workspaces_own_python_come_first(tmp_path: Path) -> None:
    given = {"PIXELS_WORKSPACE": str(tmp_path), "PATH": "/usr/bin"}
    assert not places(given).environment()["PATH"].startswith(str(tmp_path))
    (tmp_path / ".venv/bin").mkdir(parents=True)
    assert places(given).environment()["PATH"] == f"{tmp_path}/.venv/bin:/usr/bin"
