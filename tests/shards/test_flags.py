"""Which clips flags leave out, and that a missing table is never taken for no flags."""

from pathlib import Path

import pytest

from stages.shards.flags import ClipCoincidence, describe, leave_out
from stages.shards.tables import TableError, write_rows
from tests.synth.learning import coincidence_row, decoded

CLIPS = [decoded("0-0"), decoded("1-0"), decoded("2-0"), decoded("3-0", "test")]


@pytest.fixture
def table(tmp_path: Path) -> Path:
    path = tmp_path / "coincidence.parquet"
    flags = {"0-0": {"still": True}, "1-0": {"still": True, "dubbed": True}, "2-0": {}, "3-0": {"dubbed": True}}
    rows = [coincidence_row(clip.clip_id, clip.video_id, **flags[clip.clip_id]) for clip in CLIPS]
    write_rows(path, rows, ClipCoincidence)
    return path


def test_flagged_clips_go_and_those_of_the_training_split_are_counted(table: Path) -> None:
    kept, counts = leave_out(CLIPS, table, ("still",))
    assert ([clip.clip_id for clip in kept], counts) == (["2-0", "3-0"], {"still": 2})
    kept, counts = leave_out(CLIPS, table, ("dubbed", "still"))
    assert ([clip.clip_id for clip in kept], counts) == (["2-0"], {"dubbed": 1, "still": 2})
    assert describe(counts) == "dubbed 1, still 2"


def test_without_flags_no_table_is_needed(tmp_path: Path) -> None:
    assert leave_out(CLIPS, tmp_path / "none.parquet", ()) == (CLIPS, {})
    assert describe({}) == "none"


def test_a_table_that_is_missing_or_of_other_clips_is_refused(tmp_path: Path, table: Path) -> None:
    with pytest.raises(TableError, match="not found"):
        leave_out(CLIPS, tmp_path / "none.parquet", ("still",))
    with pytest.raises(TableError, match=r"has 4 clips, but not 3-1 and 0 more .*dvc repro coincidence"):
        leave_out([*CLIPS, decoded("3-1")], table, ("still",))
