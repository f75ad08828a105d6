"""The command `admit` on tables as the stages write them: its status, what it says, what it keeps."""

import json
import shutil
from dataclasses import asdict, replace
from pathlib import Path

import pytest

from stages import layout
from stages.admit import report
from stages.fingerprints.leaks import Leak
from stages.shards.flags import ClipCoincidence
from stages.shards.schema import DecodedClip, Reject
from stages.shards.tables import write_rows
from tests.synth.shards import clip_row

ROOT = Path(__file__).resolve().parent.parent


def write(num_videos: int, *, leaks: int = 0, rms_db: float = -20.0, first: int = 0) -> None:
    """Tables of so many videos of one clip each; those from `first` on are of this loudness."""
    where = {"peak": 0.5, "height": 16, "width": 24, "shard": "s0.arrow", "row": 0}
    loudness = [-20.0 if number < first else rms_db for number in range(num_videos)]
    clips = [DecodedClip(**asdict(clip_row(0, f"v{i}")), rms_db=level, **where) for i, level in enumerate(loudness)]
    flags = [ClipCoincidence(c.clip_id, c.video_id, 1, 1, 0.5, 0, 0, 0, 1, still=False, dubbed=False) for c in clips]
    leak = Leak("sound", 0.5, "v0", "f/v0.mp4", "train", "v1", "f/v1.mp4", "test")
    write_rows(layout.DECODED_CLIPS, clips, DecodedClip)
    write_rows(layout.COINCIDENCE, flags, ClipCoincidence)
    write_rows(layout.LEAKS, [replace(leak, score=0.5)] * leaks, Leak)
    for path in (layout.INDEX_REJECTS, layout.DECODE_REJECTS):
        write_rows(path, [], Reject)


@pytest.fixture(autouse=True)
def workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shutil.copy(ROOT / "params.yaml", tmp_path)
    monkeypatch.chdir(tmp_path)


def admission() -> dict[str, object]:
    return json.loads((layout.ADMISSION / "admission.json").read_text(encoding="utf-8"))


def test_sound_videos_are_admitted_and_remembered(capsys: pytest.CaptureFixture[str]) -> None:
    write(30)
    assert report(against=None, as_json=False) == 0
    assert "admitted: nothing is beyond its bound" in capsys.readouterr().out
    assert (admission()["videos"], admission()["new"]) == (30, 30)
    good = shutil.copytree(layout.ADMISSION, "good")
    write(32)
    assert report(against=Path(good), as_json=True) == 0
    assert admission()["new"] == 2
    assert json.loads(capsys.readouterr().out) == admission()


def test_drift_from_the_last_good_run_is_refused_with_the_reason(capsys: pytest.CaptureFixture[str]) -> None:
    write(30)
    assert report(against=None, as_json=False) == 0
    good = Path(shutil.copytree(layout.ADMISSION, "good"))
    write(60, first=30, rms_db=-55.0)
    assert report(against=good, as_json=False) == 3
    said = capsys.readouterr().out
    assert "refused: loudness, dB 35, at most 6 (medians of 30 new and 30 known videos" in said
    assert admission()["admitted"] is False


def test_a_leak_is_refused_until_the_bound_is_raised() -> None:
    write(30, leaks=1)
    assert report(against=None, as_json=False) == 3
    params = layout.PARAMS.read_text(encoding="utf-8")
    layout.PARAMS.write_text(params.replace("max_leaks: 0", "max_leaks: 1"), encoding="utf-8")
    assert report(against=None, as_json=False) == 0


def test_tables_that_are_missing_are_an_error_and_no_refusal(capsys: pytest.CaptureFixture[str]) -> None:
    assert report(against=None, as_json=False) == 1
    assert "rejects.parquet: not found" in capsys.readouterr().out
    write(30)
    assert report(against=Path("nowhere"), as_json=False) == 1
