"""`python -m stages forget`: finds every trace of a video, removes what was derived, and names the rest."""

import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from stages import decode, flow, index, layout, register
from stages.forget import ForgetError, Traces, find, report, steps
from stages.keeping.entries import entries
from stages.shards.files import read_json, sha256, write_json
from stages.shards.schema import DecodedClip
from stages.shards.tables import read_rows
from stages.tracking.server import connect
from tests.synth.media import CLIP, DECODE, INDEX, Film, write_film
from tests.synth.moving import FLOW
from tests.synth.registered import SECTIONS, write_scored_world
from tests.synth.stores import checkpoint
from tests.synth.world import tiny_params

ROOT = Path(__file__).resolve().parents[1]
SEEN = "00000000000000aa"


@pytest.fixture
def workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Three decoded videos in one shard each, and one file that is there twice."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PIXELS_SERIAL", "1")
    monkeypatch.setenv("PIXELS_STORE", str(tmp_path / "store"))
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{tmp_path / 'mlflow.db'}")
    write_params(tmp_path)
    for number in range(3):
        write_film(Path(f"videos/first/{number}.mov"), Film(duration_s=1.0, tone_hz=300 * (number + 1)))
    Path("videos/second").mkdir()
    shutil.copy("videos/first/1.mov", "videos/second/again and.mov")
    run_stages()
    return tmp_path


@pytest.fixture(scope="module")
def registry(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A registry with one version of `pixels`, which was trained on SEEN, and one whose run does not say."""
    folder = tmp_path_factory.mktemp("registry")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{folder / 'mlflow.db'}")
        write_scored_world(folder)
        write_json(layout.model("pixels") / "training_videos.json", {"train": [SEEN], "validation": ["video-2-0"]})
        register.run("pixels", **SECTIONS)
    yield folder


def write_params(folder: Path) -> None:
    params: dict[str, Any] = tiny_params()
    params["index"] |= {"videos": "videos", "builtin": []}
    (folder / "params.yaml").write_text(yaml.safe_dump(params), encoding="utf-8")


def run_stages() -> None:
    index.run(CLIP, INDEX)
    decode.run(CLIP, DECODE.model_copy(update={"videos_per_shard": 1}), INDEX.videos, 1.0)
    flow.run(CLIP, FLOW, 0.0)


def id_of(path: str) -> str:
    return sha256(Path(path))[:16]


def test_after_deletion_and_forgetting_nothing_is_left(workspace: Path, capsys: pytest.CaptureFixture[str]) -> None:
    video_id, kept = id_of("videos/first/1.mov"), id_of("videos/first/0.mov")
    checkpoint(workspace / "store", "k", content={"train": [video_id]})
    for path in ("videos/first/1.mov", "videos/second/again and.mov"):
        Path(path).unlink()
    run_stages()
    decoded = {clip.video_id for clip in read_rows(layout.DECODED_CLIPS, DecodedClip)}
    assert decoded == {kept, id_of("videos/first/2.mov")}
    capsys.readouterr()
    assert report("videos/first/1.mov", dry_run=False, as_json=True) == 0
    said = json.loads(capsys.readouterr().out)
    assert said["video_id"] == video_id
    assert {entry["name"].split("/")[0] for entry in said["entries"]} >= {"decode", "flow", "train"}
    assert said["files"] == []
    texts = [path.read_text(errors="replace") for path in workspace.rglob("*.json")]
    assert not any(video_id in text for text in texts)
    assert video_id.encode() not in b"".join(path.read_bytes() for path in workspace.rglob("*.arrow"))
    left = [entry.room for entry in entries(workspace / "store") if entry.room in ("decode", "flow")]
    assert sorted(left) == ["decode"] * 2 + ["flow"] * 2


def test_a_dry_run_says_it_all_and_removes_nothing(workspace: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = sorted(workspace.rglob("*"))
    assert report("first/1.mov", dry_run=True, as_json=False) == 0
    said = capsys.readouterr().out
    assert "to remove" in said and "work of decode" in said and "work of flow" in said
    assert "rm videos/first/1.mov" in said and "rm 'videos/second/again and.mov'" in said
    assert "dvc repro" in said and "dvc gc --workspace --force" in said
    assert sorted(workspace.rglob("*")) == before


def test_a_video_is_named_by_id_by_either_path_and_after_it_is_gone(workspace: Path) -> None:  # noqa: ARG001
    video_id = id_of("videos/first/1.mov")
    names = (video_id, "videos/first/1.mov", "first/1.mov", "second/again and.mov")
    assert {find(name).video_id for name in names} == {video_id}
    Path("videos/first/1.mov").unlink()
    shutil.rmtree(layout.INDEX)
    assert find("first/1.mov").video_id == video_id
    with pytest.raises(ForgetError, match="no such file below videos"):
        find("first/nobody.mov")
    write_film(Path("videos/first/1.mov"), Film(duration_s=1.0, tone_hz=50))
    with pytest.raises(ForgetError, match=f"had the ids .*{video_id}.*give one of them"):
        find("first/1.mov")


def test_an_unknown_video_is_one_plain_line_and_status_1(workspace: Path, capsys: pytest.CaptureFixture[str]) -> None:  # noqa: ARG001
    capsys.readouterr()
    assert report("nobody.mov", dry_run=False, as_json=False) == 1
    assert capsys.readouterr().err.startswith("forget: nobody.mov: no such file")


def traces_in(registry: Path, monkeypatch: pytest.MonkeyPatch, video: str) -> Traces:
    monkeypatch.chdir(registry)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{registry / 'mlflow.db'}")
    write_params(registry)
    return find(video)


def test_versions_and_models_that_saw_a_video_are_named(registry: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    traces = traces_in(registry, monkeypatch, SEEN)
    (version,) = traces.versions
    assert (version.model, version.version, version.aliases) == ("pixels", "1", ("candidate",))
    assert version.how == "was trained on it"
    assert traces.models == ("pixels",)
    assert traces_in(registry, monkeypatch, "0" * 16).versions == ()
    assert any("delete_model_version('pixels', '1')" in step for step in steps(traces))


def test_the_files_of_a_version_say_whom_it_saw(registry: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    traces_in(registry, monkeypatch, SEEN)
    client = connect()
    (version,) = client.search_model_versions("name = 'pixels'")
    videos = read_json(Path(client.download_artifacts(version.run_id, "videos.json")))
    examples = ["video-0-2", "video-1-2", "video-2-2", "video-3-2"]
    assert videos == {"train": [SEEN], "validation": ["video-2-0"], "examples": examples}


def test_the_printed_commands_delete_a_version_with_its_files(
    registry: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    traces = traces_in(registry, monkeypatch, SEEN)
    assert [path.name for path in registry.glob("mlartifacts/**/videos.json")] == ["videos.json"]
    before = list(registry.glob("mlartifacts/**/*.safetensors"))
    script = "set -e\n" + "\n".join(step for step in steps(traces) if not step.startswith("dvc"))
    subprocess.run(["/bin/sh", "-c", script], check=True, cwd=tmp_path, capture_output=True)
    assert len(before) == 1
    assert list(registry.glob("mlartifacts/**/*.safetensors")) == []
    assert list(registry.glob("mlartifacts/**/videos.json")) == []
    assert find(SEEN).versions == ()


def test_as_a_command(workspace: Path) -> None:
    command = [sys.executable, "-m", "stages", "forget", "first/2.mov", "--dry-run", "--json"]
    environment = {"PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        ["env", *(f"{name}={value}" for name, value in environment.items()), *command],
        cwd=workspace,
        capture_output=True,
        text=True,
        check=True,
    )
    assert json.loads(done.stdout)["dry_run"] is True
