"""Stage `register` on a small world, against a real registry in a sqlite file."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
import torch
from mlflow import MlflowClient
from mlflow.artifacts import download_artifacts

from stages import layout, register
from stages.networks.frames import to_input
from stages.networks.separation import load
from stages.shards.files import read_json, sha256
from stages.shards.tables import read_columns
from stages.tracking import registry
from stages.tracking.server import connect, experiment_id
from tests.synth.registered import SECTIONS, metrics, write_model, write_scored_world, write_scores

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{tmp_path / 'mlflow.db'}")
    write_scored_world(tmp_path)
    return tmp_path


@pytest.fixture(scope="module")
def registered_once(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("registered")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{folder / 'mlflow.db'}")
        write_scored_world(folder)
        run_register()
    return folder


@pytest.fixture
def registered(registered_once: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A world whose model is registered; not to be changed."""
    monkeypatch.chdir(registered_once)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{registered_once / 'mlflow.db'}")
    return registered_once


def run_register(**changes: Any) -> dict[str, Any]:
    register.run("pixels", **(SECTIONS | changes))
    return read_json(layout.receipt("pixels"))


def versions(client: MlflowClient) -> list[Any]:
    return list(client.search_model_versions("name = 'pixels'"))


def runs(client: MlflowClient) -> list[Any]:
    return list(client.search_runs([experiment_id(client)]))


def test_a_version_carries_all_that_was_promised(registered: Path) -> None:
    receipt = read_json(layout.receipt("pixels"))
    client = connect()
    (version,), (run,) = versions(client), runs(client)
    assert receipt["version"] == str(version.version) == "1"
    assert client.get_model_version_by_alias("pixels", "candidate").version == version.version

    tags = {"stage": "register", "model": "pixels", "seed": "1", "git_commit": "none", "inputs": receipt["inputs"]}
    tags |= {"weights": sha256(layout.model("pixels") / "weights.safetensors"), "data": sha256(layout.MANIFEST)}
    tags |= {"licences": "CC-BY-NC-4.0, MIT", "non_commercial": "true", "left_out": "dubbed 0, still 2"}
    tags |= {"flow": "pwcnet", "flow_weights": "ab" * 32, "flow_weights_licence": "CC-BY-NC-SA-4.0"}
    tags |= {"mixes": sha256(layout.MIXES), "dvc_lock": sha256(layout.LOCK)}
    assert tags.items() <= version.tags.items()
    assert tags.items() <= run.data.tags.items()
    assert run.info.status == "FINISHED"
    assert run.info.run_id == version.run_id
    assert run.info.run_name == "register pixels 1"
    reasons = "\n".join(f"* {reason}" for reason in version.tags["reasons"].split("; "))
    assert version.description == f"**{version.tags['verdict']}**, held against none\n\n{reasons}\n"
    assert run.data.tags["mlflow.note.content"] == version.description
    assert run.data.params["model.appearance.crop_px"] == "32"
    assert run.data.params["train.optimizer.rate"] == "0.005"

    expected = {"different2/si_sdri": 3.25, "controls/swapped_vision_si_sdri": -4.0, "counts/mixes": 2.0}
    expected |= {"different2/n": 2.0, "baselines/ideal_binary-warped/different2/si_sdri": 11.0}
    costs = {name: run.data.metrics.pop(name) for name in ("serving/latency_ms", "serving/size_bytes")}
    assert run.data.metrics == expected | {"curves/loss": 0.5, "curves/si_sdr_db": 1.5}
    assert costs["serving/size_bytes"] == (layout.model("pixels") / "weights.safetensors").stat().st_size
    assert costs["serving/latency_ms"] > 0
    assert [(p.step, p.value) for p in client.get_metric_history(run.info.run_id, "curves/loss")] == [
        (3, 0.7),
        (6, 0.5),
    ]

    files = Path(download_artifacts(run.info.artifact_uri))
    assert files.is_relative_to(registered / "mlartifacts")
    assert read_columns(files / "scores.parquet")["si_sdr"] == [1.0, 2.0, 1.5, 2.5, *[-9.0] * 4]
    assert read_json(files / "metrics.json") == metrics()
    assert (files / "dvc.lock").is_file()
    assert (files / "params.yaml").is_file()
    names = {
        "mixture.flac",
        *(f"{n}_{what}" for n in (0, 1) for what in ("reference.flac", "estimate.flac", "frame.jpg")),
    }
    for position, mix_id in enumerate(["mix0", "mix1"]):
        assert {path.name for path in (files / "examples" / f"{position:02d}_{mix_id}").iterdir()} == names


def test_examples_are_the_mix_its_sources_and_their_estimates(registered: Path) -> None:  # noqa: ARG001
    (run,) = runs(connect())
    folder = Path(download_artifacts(f"{run.info.artifact_uri}/examples/00_mix0"))
    sound = {path.stem: soundfile.read(path, dtype="float32") for path in folder.glob("*.flac")}
    assert {rate_hz for _, rate_hz in sound.values()} == {4000}
    mean = (sound["0_reference"][0] + sound["1_reference"][0]) / 2
    np.testing.assert_allclose(sound["mixture"][0], mean, atol=2**-15)
    assert np.abs(sound["0_estimate"][0]).max() > 0


def test_the_same_inputs_never_give_a_second_version(world: Path, capsys: pytest.CaptureFixture[str]) -> None:
    first = run_register()
    assert "registered pixels version 1, alias candidate, at sqlite:///" in capsys.readouterr().out
    assert run_register() == first
    assert run_register(register=SECTIONS["register"].model_copy(update={"examples": 0})) == first
    client = connect()
    assert len(versions(client)) == len(runs(client)) == 1

    write_model(world, seed=2)
    second = run_register()
    assert (second["version"], len(versions(client))) == ("2", 2)
    write_scores(world, [1.0, 2.0, 1.5, 2.0])
    third = run_register()
    assert third["version"] == "3"
    changed = SECTIONS["train"].model_copy(update={"steps": 7})
    assert run_register(train=changed)["version"] == "4"

    write_model(world, seed=2)
    assert run_register() == third  # and the alias goes back to it
    assert client.get_model_version_by_alias("pixels", "candidate").version == 3


def test_killed_at_any_step_and_run_again_there_is_one_version(world: Path) -> None:
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1", "TMPDIR": str(world)}
    done = subprocess.run([sys.executable, "-c", KILLED], cwd=world, env=environment, check=False)
    assert done.returncode == 0
    run_register()
    client = connect()
    (version,) = versions(client)
    assert client.get_model_version_by_alias("pixels", "candidate").version == version.version
    ended = {run.info.run_id: run.info.status for run in runs(client)}
    assert ended.pop(version.run_id) == "FINISHED"
    assert set(ended.values()) == {"KILLED"}


# One fork for each step, each going on from what the one before left.
KILLED = """
import os, signal
import mlflow.store.model_registry.sqlalchemy_store, mlflow.store.tracking.sqlalchemy_store, mlflow.pyfunc
from mlflow import MlflowClient
from stages import register
from tests.synth.registered import SECTIONS

def register_until(step):
    whole = getattr(MlflowClient, step)

    def cut(*args, **kwargs):
        whole(*args, **kwargs)
        os.kill(os.getpid(), signal.SIGKILL)

    setattr(MlflowClient, step, cut)
    register.run("pixels", **SECTIONS)

STEPS = "create_run log_artifacts log_model_artifacts create_model_version set_registered_model_alias"
for step in STEPS.split():
    if not (child := os.fork()):
        register_until(step)
        os._exit(0)
    assert os.waitpid(child, 0)[1] == signal.SIGKILL, step
"""


@pytest.mark.parametrize(("location", "name"), [("run", "scores.parquet"), ("model", "weights.safetensors")])
def test_no_version_when_the_artifact_store_lost_or_changed_a_byte(
    world: Path, monkeypatch: pytest.MonkeyPatch, location: str, name: str
) -> None:
    step = {"run": "log_artifacts", "model": "log_model_artifacts"}[location]
    whole = getattr(MlflowClient, step)

    def damaging(self: MlflowClient, *args: Any, **kwargs: Any) -> None:
        whole(self, *args, **kwargs)
        (stored,) = (world / "mlartifacts").rglob(name)
        content = bytearray(stored.read_bytes())
        content[-1] ^= 1
        stored.write_bytes(content)

    with monkeypatch.context() as patch:
        patch.setattr(MlflowClient, step, damaging)
        with pytest.raises(registry.RegistryError, match=name):
            run_register()
    client = connect()
    assert versions(client) == []
    assert [run.info.status for run in runs(client)] == ["FAILED"]
    assert not layout.receipt("pixels").exists()
    assert run_register()["version"] == "1"


def test_of_two_versions_made_at_once_the_older_stays(world: Path, monkeypatch: pytest.MonkeyPatch) -> None:  # noqa: ARG001
    first = run_register()
    with monkeypatch.context() as patch:
        # What a second process sees that looked before the first one was done.
        answers, real = iter([lambda *_: None]), registry.find_version

        def find_version(*args: Any) -> str | None:
            return next(answers, real)(*args)

        patch.setattr(registry, "find_version", find_version)
        assert run_register() == first
    assert [version.version for version in versions(connect())] == [1]
    assert sorted(run.info.run_name for run in runs(connect())) == ["register pixels", "register pixels 1"]


def test_a_missing_result_is_named_with_the_command_that_makes_it(world: Path) -> None:
    (world / layout.MIXES).unlink()
    with pytest.raises(ValueError, match=r"mixes.parquet: not found; `dvc repro register@pixels`"):
        run_register()


def test_a_registry_that_is_away_is_named(world: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (world / "blocked").write_text("no folder")
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{world}/blocked/mlflow.db")
    with pytest.raises(ValueError, match=r"blocked/mlflow.db does not answer"):
        run_register()


def test_mlflow_models_predict_gives_what_the_separator_gives(registered: Path, tmp_path: Path) -> None:
    request = json.loads((_model_folder(registered) / "serving_input_example.json").read_text())
    mixture = np.array(request["inputs"]["mixture"], np.float32)
    frames = np.array(request["inputs"]["frames"], np.uint8)
    request["params"] = {"mask": "binary"}
    (tmp_path / "input.json").write_text(json.dumps(request))
    done = subprocess.run(
        [
            *(sys.executable, "-P", "-m", "mlflow", "models", "predict", "--model-uri", "models:/pixels@candidate"),
            *("--env-manager", "local", "--input-path", "input.json", "--output-path", "output.json"),
        ],
        cwd=tmp_path,
        check=False,
        # MLflow imports the version's code where it lies: bytecode would be written into the artifact store.
        env={name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
        | {"PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    found = np.array(json.loads((tmp_path / "output.json").read_text())["predictions"], np.float32)

    separator = load(layout.model("pixels"))
    pictures = torch.stack([to_input(list(group), 32, generator=None) for group in frames[0]])
    expected = separator.separate(torch.from_numpy(mixture), pictures[None], mask="binary").numpy()
    assert found.shape == (1, 2, 4000)
    np.testing.assert_allclose(found, expected, atol=1e-5)


def test_a_version_holds_its_code_no_pickle_and_pinned_needs(registered: Path) -> None:
    folder = _model_folder(registered)
    files = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}
    assert {"separator_model.py", "artifacts/separator/weights.safetensors", "code/stages/params.py"} <= files
    assert not [name for name in files if name.endswith((".pkl", ".pyc", ".pt", ".pt2"))]
    needs = (folder / "requirements.txt").read_text().split()
    assert {need.partition("==")[0] for need in needs} >= {"mlflow", "torch", "numpy", "safetensors"}
    assert all("==" in need for need in needs)


def _model_folder(world: Path) -> Path:
    (card,) = world.glob("mlartifacts/**/MLmodel")
    return card.parent
