import random
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from stages.shards.files import sha256
from stages.shards.schema import ClipRow, Reject
from stages.shards.tables import TableError, read_columns, read_rows, write_columns, write_rows
from tests.synth.shards import clip_row


@dataclass(frozen=True)
class Row:
    name: str
    label: str | None
    count: int
    level: float
    good: bool
    side: Literal["left", "right"]


texts = st.text(st.characters(exclude_categories=["Cs"]))
rows = st.builds(
    Row,
    name=texts,
    label=texts | st.none(),
    count=st.integers(-(2**63), 2**63 - 1),
    level=st.floats(allow_nan=False),
    good=st.booleans(),
    side=st.sampled_from(["left", "right"]),
)


@settings(max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(st.lists(rows))
def test_rows_come_back_as_they_were_written(tmp_path: Path, written: list[Row]) -> None:
    write_rows(tmp_path / "t.parquet", written, Row)
    assert read_rows(tmp_path / "t.parquet", Row) == written


def test_equal_rows_give_equal_bytes(tmp_path: Path) -> None:
    for name in "ab":
        write_rows(tmp_path / f"{name}.parquet", [clip_row(n) for n in range(50)], ClipRow)
    assert sha256(tmp_path / "a.parquet") == sha256(tmp_path / "b.parquet")


def test_columns_come_back_in_their_order(tmp_path: Path) -> None:
    columns = {"mix_id": ["a", "b"], "si_sdr": [1.5, None], "label": [None, None], "silent": [True, False], "n": [1, 2]}
    write_columns(tmp_path / "t.parquet", columns)
    assert list(read_columns(tmp_path / "t.parquet").items()) == list(columns.items())


def test_columns_of_unequal_length_are_refused(tmp_path: Path) -> None:
    with pytest.raises(TableError, match="equally long"):
        write_columns(tmp_path / "t.parquet", {"a": [1], "b": []})


def test_other_columns_absence_and_damage_are_told_apart(tmp_path: Path) -> None:
    path = tmp_path / "t.parquet"
    with pytest.raises(TableError, match="not found"):
        read_rows(path, Reject)
    write_rows(path, [clip_row(0)], ClipRow)
    with pytest.raises(TableError, match="expected path, stage, reason, detail"):
        read_rows(path, Reject)
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(TableError, match="no readable table"):
        read_rows(path, ClipRow)


def test_what_no_column_can_hold_is_refused(tmp_path: Path) -> None:
    @dataclass(frozen=True)
    class Odd:
        mixed: int | str

    with pytest.raises(TypeError, match="mixed"):
        write_rows(tmp_path / "t.parquet", [], Odd)


@pytest.mark.parametrize("stage", ["index", "decode"])
def test_clips_of_an_old_version_are_refused_with_the_command_to_run(tmp_path: Path, stage: str) -> None:
    path, row = tmp_path / "data" / stage / "clips.parquet", asdict(clip_row(0))
    write_columns(path, {name: [value] for name, value in row.items() if name != "licence"})
    with pytest.raises(TableError, match=r"expected clip_id, .*licence.*; run `dvc repro index decode`"):
        read_rows(path, ClipRow)


def test_no_flipped_bit_changes_a_value_unnoticed(tmp_path: Path) -> None:
    path, dice, found = tmp_path / "t.parquet", random.Random(3), 0
    written = [clip_row(n) for n in range(20)]
    write_rows(path, written, ClipRow)
    content = path.read_bytes()
    for _ in range(200):
        damaged = bytearray(content)
        damaged[dice.randrange(len(damaged))] ^= 1 << dice.randrange(8)
        path.write_bytes(damaged)
        try:
            assert read_rows(path, ClipRow) == written
        except TableError as error:
            assert str(path) in str(error)
            found += 1
    assert found > 100
