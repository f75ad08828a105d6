"""The only door to dvc: which stages would run, in which order, and why."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from graphlib import TopologicalSorter
from typing import Any, TypeAlias

import yaml

from stages import layout

# What `dvc status` says of one stage: [{"changed deps": {path: "modified"}}, {"changed outs": {}}, "always changed"].
Changes: TypeAlias = Sequence[Mapping[str, Mapping[str, Any]] | str]


@dataclass(frozen=True)
class StageState:
    """A stage with its item (`train@pixels`), in the order of the run; no reasons: it would be skipped."""

    name: str
    reasons: tuple[str, ...]


def states() -> tuple[StageState, ...]:
    """Every stage of the workspace that this process is in; hashes what changed since dvc last looked, runs nothing."""
    from dvc.repo import Repo

    with Repo() as repo:
        graph = repo.index.graph
        upstream = {stage.addressing: sorted(other.addressing for other in graph.successors(stage)) for stage in graph}
        return explain(upstream, repo.status(), recorded())


def recorded() -> set[str]:
    """Names of the stages that have run here or where this dvc.lock comes from."""
    if not layout.LOCK.exists():
        return set()
    return set(yaml.safe_load(layout.LOCK.read_text(encoding="utf-8"))["stages"])


def explain(
    upstream: Mapping[str, Iterable[str]], status: Mapping[str, Changes], known: set[str]
) -> tuple[StageState, ...]:
    """Order the stages and give each its own reasons, or the stale stages before it.

    Args:
        upstream: For each stage those that it needs.
        status: What `dvc status` says of each changed stage.
        known: Stages that ran before.
    """
    found: dict[str, StageState] = {}
    for name in TopologicalSorter({stage: sorted(needs) for stage, needs in sorted(upstream.items())}).static_order():
        stale = [need for need in upstream[name] if found[need].reasons]
        own = tuple(_reasons(status.get(name, ()))) if name in known else ("never run",)
        after = (f"after {', '.join(stale)}",) if stale else ()
        found[name] = StageState(name, own + after)
    return tuple(found.values())


def _reasons(changes: Changes) -> Iterator[str]:
    for change in changes:
        if isinstance(change, str):
            yield change
            continue
        for path, what in change.get("changed deps", {}).items():
            yield _dependency(path, what)
        for path, what in change.get("changed outs", {}).items():
            yield f"output {path} {'is missing' if what == 'deleted' else what}"
        if "changed command" in change:
            yield "command changed"


def _dependency(path: str, what: Mapping[str, str] | str) -> str:
    if isinstance(what, Mapping):
        return f"params {', '.join(what)}"
    return f"{'code' if path.startswith('stages/') else 'input'} {path} {'is missing' if what == 'deleted' else what}"
