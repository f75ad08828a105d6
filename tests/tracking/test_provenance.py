"""Commit and hashes."""

import hashlib
import subprocess
from pathlib import Path

import pytest

from stages import layout
from stages.tracking.provenance import circumstances, commit, digests, made_of


@pytest.fixture(autouse=True)
def workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    for role in ("AUTHOR", "COMMITTER"):
        monkeypatch.setenv(f"GIT_{role}_NAME", "tests")
        monkeypatch.setenv(f"GIT_{role}_EMAIL", "tests@localhost")
    return tmp_path


def write(path: Path, content: str) -> str:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content, encoding="utf-8")
    return hashlib.sha256(content.encode()).hexdigest()


def git(*arguments: str) -> str:
    return subprocess.run(["git", *arguments], capture_output=True, text=True, check=True).stdout.strip()


def test_outside_a_repository_there_is_no_commit() -> None:
    assert commit() == {"git_commit": "none", "git_dirty": "true"}


def test_dirty_means_code_or_params_and_not_what_every_run_changes() -> None:
    write(Path("stages/train.py"), "one")
    write(Path("params.yaml"), "seed: 1")
    git("init", "--quiet")
    git("add", ".")
    git("commit", "--quiet", "--message", "first")
    assert commit() == {"git_commit": git("rev-parse", "HEAD"), "git_dirty": "false"}
    write(layout.LOCK, "schema: '2.0'")
    write(Path("data/index/clips.parquet"), "rows")
    assert commit()["git_dirty"] == "false"
    write(Path("params.yaml"), "seed: 2")
    assert commit()["git_dirty"] == "true"
    git("checkout", "--quiet", "params.yaml")
    write(Path("stages/new.py"), "untracked code counts too")
    assert commit()["git_dirty"] == "true"


def test_the_lock_is_named_where_there_is_one() -> None:
    assert "dvc_lock" not in circumstances()
    assert circumstances() | {"dvc_lock": write(layout.LOCK, "locked")} == circumstances()


def test_made_of_hashes_the_files_and_names_what_is_missing() -> None:
    expected = {
        "weights": write(layout.model("pixels") / "weights.safetensors", "w"),
        "data": write(layout.MANIFEST, "d"),
        "mixes": write(layout.MIXES, "m"),
        "scores": write(layout.evaluation("pixels") / "scores.parquet", "s"),
    }
    assert made_of("pixels") == expected
    layout.MANIFEST.unlink()
    with pytest.raises(ValueError, match=r"^data/decode/manifest.json: not found; `dvc repro register@pixels`"):
        made_of("pixels")


def test_digests_cover_every_file_below_a_folder() -> None:
    first, second = write(Path("folder/a"), "a"), write(Path("folder/deep/er/b"), "b")
    assert digests(Path("folder")) == {"a": first, "deep/er/b": second}
