"""Paths agree with dvc.yaml, which is where DVC knows them from."""

from pathlib import Path

import pytest
import yaml

from stages import layout

PIPELINE = yaml.safe_load(Path("dvc.yaml").read_text(encoding="utf-8"))["stages"]


def outs(stage: str, item: str) -> set[str]:
    body = PIPELINE[stage].get("do", PIPELINE[stage])
    paths = [*body["outs"], *body.get("metrics", [])]
    return {path.replace("${key}", item).replace("${item}", item) for path in paths}


@pytest.mark.parametrize(
    ("stage", "path"),
    [
        ("perform", layout.VIDEOS / "first"),
        ("perform", layout.TRUTH / "first"),
        ("index", layout.INDEX),
        ("decode", layout.DECODE),
        ("flow", layout.FLOW),
        ("trajectories", layout.TRAJECTORIES),
        ("leakage", layout.LEAKS.parent),
        ("mixes", layout.MIXES.parent),
        ("train", layout.model("first")),
        ("baselines", layout.evaluation("baselines")),
        ("evaluate", layout.evaluation("first")),
        ("report", layout.METRICS),
        ("report", layout.SCORES),
        ("report", layout.TABLE),
        ("report", layout.PLOTS),
        ("register", layout.receipt("first")),
    ],
)
def test_a_stage_s_paths_are_its_outs(stage: str, path: Path) -> None:
    assert str(path) in outs(stage, "first")


def test_every_path_is_inside_the_workspace() -> None:
    paths = [value for value in vars(layout).values() if isinstance(value, Path)]
    assert len(paths) > 10
    assert not any(path.is_absolute() or ".." in path.parts for path in paths)


def test_store_and_registry_follow_the_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PIXELS_STORE", str(tmp_path))
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:5000")
    assert layout.store() == tmp_path
    assert layout.tracking_uri() == "http://127.0.0.1:5000"
    monkeypatch.delenv("PIXELS_STORE")
    monkeypatch.delenv("MLFLOW_TRACKING_URI")
    assert layout.store() == Path(".store")
    assert layout.tracking_uri() == f"sqlite:///{Path('mlflow.db').resolve()}"
