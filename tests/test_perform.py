from pathlib import Path

import pytest

from stages.params import Perform, Programme, Staging
from stages.perform import run
from stages.shards.files import read_json, sha256

TINY = Perform(
    seed=1,
    instruments=("violin", "xylophone"),
    regular=Programme(solos_per_instrument=1, duets=1, twins=0),
    shifted=Programme(solos_per_instrument=1, duets=0, twins=1),
    staging=Staging(silent_share=0.3, distractor_share=0.5, idle=0.25, offset_ms=40.0, jitter_ms=15.0),
    duration_s=2.0,
    frame_rate_hz=12,
    side_px=64,
)


@pytest.fixture(autouse=True)
def _workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PIXELS_SERIAL", "1")
    monkeypatch.setenv("PIXELS_STORE", str(tmp_path / "store"))


def files(root: str) -> dict[str, str]:
    return {str(path): sha256(path) for path in sorted(Path(root).rglob("*")) if path.is_file()}


def test_an_arrival_folder_has_its_videos_by_label_and_its_truth_apart(capsys: pytest.CaptureFixture[str]) -> None:
    run("first", TINY, "data/videos", ("shifted",))
    labels = sorted(path.name for path in Path("data/videos/first").iterdir())
    assert labels == ["violin", "violin xylophone", "xylophone"]
    index = read_json(Path("data/truth/first/index.json"))["videos"]
    assert {f"data/videos/first/{facts['path']}" for facts in index.values()} == set(files("data/videos"))
    assert "perform: 3 videos of 2 s in data/videos/first" in capsys.readouterr().out


def test_a_rerun_without_store_gives_the_same_bytes_and_another_arrival_other_ones(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run("first", TINY, "data/videos", ("shifted",))
    before = files("data")
    monkeypatch.setenv("PIXELS_STORE", str(tmp_path / "empty"))
    run("first", TINY, "data/videos", ("shifted",))
    assert files("data") == before
    run("second", TINY, "data/videos", ("shifted",))
    assert not set(files("data/videos/second").values()) & set(files("data/videos/first").values())


def test_a_folder_that_index_calls_shifted_is_rendered_so() -> None:
    run("shifted", TINY, "data/videos", ("shifted",))
    index = read_json(Path("data/truth/shifted/index.json"))["videos"]
    assert len(index) == 3
    assert all(facts["shifted"] for facts in index.values())


def test_nothing_is_rendered_where_videos_are_ones_own(capsys: pytest.CaptureFixture[str]) -> None:
    run("first", TINY, "/my/videos", ("shifted",))
    assert list(Path("data/videos/first").iterdir()) == []
    assert list(Path("data/truth/first").iterdir()) == []
    assert capsys.readouterr().out.splitlines() == [
        "perform: nothing is rendered, since index.videos is /my/videos and not data/videos"
    ]
