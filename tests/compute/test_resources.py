import os
from pathlib import Path

import pytest

from stages.compute.resources import num_workers, quota_cores


def test_the_environment_has_the_last_word(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PIXELS_WORKERS", "3")
    assert num_workers() == 3
    monkeypatch.setenv("PIXELS_WORKERS", "")
    assert 1 <= num_workers() <= len(os.sched_getaffinity(0))


@pytest.mark.parametrize("wrong", ["0", "-1", "two", "1.5"])
def test_nonsense_is_refused_by_name(monkeypatch: pytest.MonkeyPatch, wrong: str) -> None:
    monkeypatch.setenv("PIXELS_WORKERS", wrong)
    with pytest.raises(ValueError, match="PIXELS_WORKERS"):
        num_workers()


@pytest.mark.parametrize(
    ("content", "cores"), [("200000 100000\n", 2), ("150000 100000", 2), ("50000 100000", 1), ("max 100000", 65536)]
)
def test_a_containers_quota_is_obeyed(tmp_path: Path, content: str, cores: int) -> None:
    (tmp_path / "cpu.max").write_text(content, encoding="ascii")
    assert quota_cores(tmp_path / "cpu.max") == cores
    assert quota_cores(tmp_path / "absent") == 65536
