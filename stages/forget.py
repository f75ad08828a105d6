"""Removes all that was derived from one video, and says what is left to do: `python -m stages forget VIDEO`.

The file itself, DVC's cache and model versions are the user's: their commands are printed, not run.
"""

import json
import re
import shlex
import sys
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from stages import layout
from stages.keeping.entries import Entry
from stages.keeping.traces import ID_PATTERN, Known, entries_about, known_files, other_workspaces, remove_all
from stages.media.faults import MediaError
from stages.media.source import open_source
from stages.params import read
from stages.shards.files import read_json
from stages.tracking.server import connect, has_records, public_address
from stages.tracking.witnesses import Witness, witnesses


class ForgetError(ValueError):
    """There is no such video."""


@dataclass(frozen=True, slots=True)
class Traces:
    """What there is of a video. `entries` are removed by this command, the rest is for the user."""

    video_id: str
    files: tuple[str, ...]  # still below index.videos
    entries: tuple[Entry, ...]
    models: tuple[str, ...]  # of this workspace, that saw it
    versions: tuple[Witness, ...]
    workspaces: tuple[str, ...]  # others of this host with outs that were made of it


def report(video: str, *, dry_run: bool, as_json: bool) -> int:
    """Find, remove (unless `dry_run`) and print; returns the exit status."""
    try:
        traces = find(video)
        if not dry_run:
            remove_all(list(traces.entries))
    except (ValueError, OSError) as error:
        print(f"forget: {error}", file=sys.stderr)
        return 1
    if as_json:
        print(json.dumps(_as_json(traces, dry_run=dry_run), indent=2))
    else:
        Console().print(_table(traces, dry_run=dry_run))
        print("\nLeft to do:", *(f"  {step}" for step in steps(traces)), sep="\n")
    return 0


def find(video: str) -> Traces:
    """Look in the videos' folder, the store, this workspace's models and the registry."""
    root, store = Path(read(layout.PARAMS).index.videos), layout.store()
    known = known_files(store.resolve())
    video_id = identify(video, root, known)
    found = entries_about(store, video_id)
    versions = witnesses(connect(), video_id) if has_records() else []
    return Traces(
        video_id=video_id,
        files=tuple(sorted(str(root / k.path) for k in known if k.video_id == video_id and (root / k.path).exists())),
        entries=tuple(found),
        models=tuple(sorted(_models_that_saw(video_id))),
        versions=tuple(versions),
        workspaces=tuple(str(path) for path in other_workspaces(store, found)),
    )


def identify(video: str, root: Path, known: set[Known]) -> str:
    """Id of a video that is named by its id or by its path, whether or not the file is still there.

    Raises:
        ForgetError: Neither the folder nor anything that was derived from its files knows it, or several do.
    """
    if re.fullmatch(ID_PATTERN, video):
        return video
    path = Path(video).relative_to(root).as_posix() if Path(video).is_relative_to(root) else video
    ids = {k.video_id for k in known if k.path == path}
    for place in (root / path, Path(video)):
        if place.is_file():
            ids.add(_content_id(place))
    if len(ids) != 1:
        several = f"files of this name had the ids {', '.join(sorted(ids))}: give one of them"
        raise ForgetError(f"{video}: {several if ids else f'no such file below {root}, now or in anything derived'}")
    return ids.pop()


def steps(traces: Traces) -> Iterator[str]:
    """Commands, in their order, that end every trace which this command does not remove."""
    yield from (f"rm {shlex.quote(path)}" for path in traces.files)
    yield "dvc repro                    # index, shards, models and scores without it"
    yield "dvc gc --workspace --force   # its shards in DVC's cache; with a remote: --cloud as well"
    yield from (f"the same in {workspace}" for workspace in traces.workspaces)
    for version in traces.versions:
        yield f"# {version.model} version {version.version} {version.how}; to delete it with its run and files:"
        yield from _deletion(version)


def _deletion(version: Witness) -> Iterator[str]:
    """MLflow hides what is deleted; only its `gc`, which needs the database itself, removes the files."""
    calls = (
        f"delete_model_version('{version.model}', '{version.version}')",
        f"delete_logged_model('{version.model_id}')",
        f"delete_run('{version.run_id}')",
    )
    address = public_address()
    database = "DATABASE_OF_THE_SERVER" if address.startswith("http") else address
    yield f"export MLFLOW_TRACKING_URI={shlex.quote(address)}"
    yield f'python -c "from mlflow import MlflowClient as C; {"; ".join(f"C().{call}" for call in calls)}"'
    ids = f"--run-ids {version.run_id} --logged-model-ids {version.model_id}"
    yield f"mlflow gc --backend-store-uri {shlex.quote(database)} {ids}"


def _content_id(path: Path) -> str:
    try:
        with open_source(path) as source:
            return source.video_id
    except MediaError as error:
        raise ForgetError(f"{path}: {error}") from error


def _models_that_saw(video_id: str) -> Iterator[str]:
    for path in Path().glob((layout.model("*") / layout.TRAINING_VIDEOS).as_posix()):
        if any(video_id in ids for ids in read_json(path).values()):
            yield path.parent.name


def _as_json(traces: Traces, *, dry_run: bool) -> dict[str, Any]:
    entries = [{"name": entry.name, "bytes": entry.num_bytes} for entry in traces.entries]
    return asdict(traces) | {"entries": entries, "dry_run": dry_run, "left_to_do": list(steps(traces))}


def _table(traces: Traces, *, dry_run: bool) -> Table:
    table = Table(title=f"Video {traces.video_id}", title_justify="left", box=None, pad_edge=False)
    for column in ("", "what", "where"):
        table.add_column(column, overflow="fold")
    for path in traces.files:
        table.add_row("there", "video file", path)
    for entry in traces.entries:
        kind = "checkpoints" if entry.room == "train" else f"work of {entry.room}"
        table.add_row("to remove" if dry_run else "removed", kind, str(entry.folder))
    for name in traces.models:
        table.add_row("until dvc repro", "model", str(layout.model(name)))
    for version in traces.versions:
        aliases = f" ({', '.join(version.aliases)})" if version.aliases else ""
        table.add_row("there", "model version", f"{version.model} {version.version}{aliases} {version.how}")
    for workspace in traces.workspaces:
        table.add_row("there", "another workspace", workspace)
    return table
