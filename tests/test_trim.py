"""Which locks of ended runs keep their outs in DVC's cache."""

import time
from pathlib import Path

import pytest

from stages.trim import locks_of_runs
from tests.synth.stores import grow_old


def test_young_runs_and_the_last_good_one_keep_their_outs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PIXELS_RUNS", str(tmp_path))
    assert locks_of_runs(0) == {}
    for name, days in (("old", 40), ("good", 50), ("young", 1)):
        lock = tmp_path / "records" / name / "dvc.lock"
        lock.parent.mkdir(parents=True)
        lock.write_text(name, encoding="utf-8")
        grow_old(lock, days)
    (tmp_path / "good").symlink_to(Path("records") / "good")
    month_ago_s = time.time() - 30 * 24 * 3600
    assert locks_of_runs(month_ago_s) == {"run young": b"young", "run good": b"good"}
