"""Parquet tables: rows as dataclasses, or tidy columns; equal content gives equal bytes."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import fields
from pathlib import Path
from types import NoneType, UnionType
from typing import Any, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

import pyarrow as pa
import pyarrow.parquet as pq

from stages.shards.files import replacing

Row = TypeVar("Row")

_SEAL = b"content_sha256"
_TYPES: dict[type, pa.DataType] = {str: pa.string(), int: pa.int64(), float: pa.float64(), bool: pa.bool_()}


class TableError(ValueError):
    """A table file is not there, not a table, or not of the expected columns."""


def write_rows(path: Path, rows: Sequence[Row], kind: type[Row]) -> None:
    """Write dataclass instances, one row each, whole or not at all.

    Args:
        path: Parquet file to make or replace.
        rows: Instances of `kind`; may be empty, the columns are then still there.
        kind: A dataclass of str, int, float, bool, string literals, or one of these with `| None`.
    """
    schema = row_schema(kind)
    columns = {name: [getattr(row, name) for row in rows] for name in schema.names}
    _write(path, pa.Table.from_pydict(columns, schema=schema))


def read_rows(path: Path, kind: type[Row]) -> list[Row]:
    """Rows in the order of the file, checked as `kind` checks them; `TableError` when the columns differ."""
    table, schema = _read(path), row_schema(kind)
    if table.schema.names != schema.names:
        found, expected = ", ".join(table.schema.names), ", ".join(schema.names)
        raise TableError(f"{path}: columns are {found}; expected {expected}; {_remedy(path)} to write it anew")
    return [kind(**row) for row in table.to_pylist()]


def write_columns(path: Path, columns: Mapping[str, Sequence[Any]]) -> None:
    """Write a tidy table given as equally long columns; a column of only None is stored as null."""
    lengths = {name: len(values) for name, values in columns.items()}
    if len(set(lengths.values())) > 1:
        raise TableError(f"{path}: columns must be equally long, got {lengths}")
    _write(path, pa.table({name: list(values) for name, values in columns.items()}))


def read_columns(path: Path) -> dict[str, list[Any]]:
    """Columns of a table, by name, in the order of the file."""
    return _read(path).to_pydict()


def _remedy(path: Path) -> str:
    """What writes a table anew: clips of another version are as old in the index as in what was decoded from it."""
    stage = path.parent.name
    return f"run `dvc repro {'index decode' if stage in ('index', 'decode') else stage}`"


def row_schema(kind: type) -> pa.Schema:
    """Columns of a dataclass: its fields in order, nullable only where the annotation allows None."""
    hints = get_type_hints(kind)
    return pa.schema([_column(field.name, hints[field.name]) for field in fields(kind)])


def _column(name: str, hint: Any) -> pa.Field:
    options = (
        [part for part in get_args(hint) if part is not NoneType] if get_origin(hint) in (UnionType, Union) else []
    )
    if len(options) > 1:
        raise TypeError(f"{name}: a column holds one type, got {hint}")
    plain = options[0] if options else hint
    kind = str if get_origin(plain) is Literal else plain
    if kind not in _TYPES:
        raise TypeError(f"{name}: no column type for {hint}")
    return pa.field(name, _TYPES[kind], nullable=bool(options))


def _write(path: Path, table: pa.Table) -> None:
    sealed = table.replace_schema_metadata({_SEAL: _digest(table)})
    with replacing(path) as temporary:
        pq.write_table(sealed, temporary, compression="zstd", version="2.6")


def _read(path: Path) -> pa.Table:
    """A table whose values are those that were written: Parquet by itself does not notice most flipped bits."""
    if not path.is_file():
        raise TableError(f"{path}: not found; `dvc repro` makes it")
    try:
        table = pq.read_table(path, memory_map=True)
        expected, found = (table.schema.metadata or {}).get(_SEAL, b"").decode(), _digest(table)
    except (pa.ArrowException, ValueError, OSError, KeyError) as error:
        raise TableError(f"{path}: is no readable table ({error}); delete it and run `dvc repro`") from error
    if not expected:
        raise TableError(f"{path}: has no {_SEAL.decode()}, so another version wrote it; delete it and run `dvc repro`")
    if found != expected:
        raise TableError(
            f"{path}: its values have sha256 {found[:12]}, written was {expected[:12]}: damaged; delete it and run "
            f"`dvc repro`"
        )
    return table


def _digest(table: pa.Table) -> str:
    """Of names and values, whatever the file's encoding."""
    return hashlib.sha256(repr(table.to_pydict()).encode()).hexdigest()
