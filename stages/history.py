"""Tells how the versions of a model came and went."""

import json
import time
from dataclasses import asdict

from rich.console import Console
from rich.table import Table

from stages.tracking.server import connect
from stages.tracking.versions import Version, history

_COLUMNS = ("verdict", "difference_db", "held_against", "promoted", "rolled_back")


def report(model: str, *, as_json: bool) -> int:
    """Print all versions of a model, newest first; the exit status."""
    try:
        versions = history(connect(), model)[::-1]
        if not versions:
            raise ValueError(f"{model}: no version is registered; `dvc repro register@{model}` makes one")
    except ValueError as error:
        print(f"history: {error}")
        return 1
    if as_json:
        print(json.dumps([asdict(version) for version in versions], indent=2))
    else:
        Console().print(_table(versions))
    return 0


def _table(versions: list[Version]) -> Table:
    table = Table(box=None, pad_edge=False)
    for column in ("version", "made", "alias", *(name.replace("_", " ") for name in _COLUMNS), "commit", "why"):
        table.add_column(column, overflow="fold")
    for version in versions:
        made = time.strftime("%Y-%m-%d %H:%M", time.gmtime(version.created_ms / 1000))
        told = [version.tags.get(name, "") for name in _COLUMNS]
        why = version.tags.get("promoted_despite") or version.tags.get("reasons", "")
        commit = version.tags.get("git_commit", "")[:10]
        table.add_row(version.number, made, ", ".join(version.aliases), *told, commit, why)
    return table
