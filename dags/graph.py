"""The stages of dvc.yaml and the arrows between them, read with yaml alone: asking DVC itself costs a second a parse.

Understood is the part of DVC's grammar that the pipeline uses: `foreach` over a list of scalars or a mapping, `${...}`
from params.yaml, `item` and `key`, and outs of every kind. tests/dags/test_graph.py holds it against DVC's own graph.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

import yaml

_OUTS = ("outs", "metrics", "plots")
_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # a tenth of the time
_REFERENCE = re.compile(r"\$\{([^}]+)\}")


class GraphError(ValueError):
    """dvc.yaml says something that this reader does not know."""


@dataclass(frozen=True, slots=True)
class Stage:
    """One node of the graph."""

    group: str  # name in dvc.yaml
    item: str | None  # which of a `foreach`; None for a plain stage
    deps: tuple[PurePosixPath, ...]
    outs: tuple[PurePosixPath, ...]

    @property
    def address(self) -> str:
        """What DVC calls it: `train@pixels`."""
        return self.group if self.item is None else f"{self.group}@{self.item}"


@dataclass(frozen=True, slots=True)
class Graph:
    """Stages by address; an edge (a, b) says that b uses what a makes."""

    stages: dict[str, Stage]
    edges: frozenset[tuple[str, str]]


def read_graph(workspace: Path, params_file: str = "params.yaml") -> Graph:
    """Read dvc.yaml and params.yaml of a workspace; `GraphError` where they hold what this reader does not know.

    Args:
        workspace: Folder with dvc.yaml.
        params_file: What to fill in, relative to it: another file of the same shape says what a run with it would do.
    """
    pipeline, params = load(workspace / "dvc.yaml"), load(workspace / params_file)
    stages = [stage for group, entry in pipeline["stages"].items() for stage in _expand(group, entry, params)]
    edges = {(maker.address, user.address) for maker in stages for user in stages if _feeds(maker, user)}
    return Graph({stage.address: stage for stage in stages}, frozenset(edges))


def read_widest(workspace: Path) -> Graph:
    """Every stage that params.yaml or a preset has, and every edge that any of them needs; where they differ in the
    paths of a stage, those of the first stand.
    """
    presets = sorted(path.relative_to(workspace).as_posix() for path in (workspace / "presets").glob("*.yaml"))
    graphs = [read_graph(workspace, name) for name in ("params.yaml", *presets)]
    stages = {address: stage for graph in reversed(graphs) for address, stage in graph.stages.items()}
    return Graph(stages, frozenset().union(*(graph.edges for graph in graphs)))


def load(path: Path) -> Any:
    """Content of a YAML file."""
    return yaml.load(path.read_text(encoding="utf-8"), _LOADER)


def _expand(group: str, entry: Mapping[str, Any], params: Mapping[str, Any]) -> list[Stage]:
    if "matrix" in entry:
        raise GraphError(f"dvc.yaml: stage {group}: `matrix` is not understood here; use `foreach`")
    if "foreach" not in entry:
        return [_stage(group, None, entry, params)]
    items = _items(group, entry["foreach"], params)
    return [_stage(group, key, entry["do"], {**params, **names}) for key, names in items.items()]


def _items(group: str, foreach: Any, params: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """What `${item}` and `${key}` stand for in each item of a `foreach`."""
    values = _lookup(params, foreach[2:-1]) if isinstance(foreach, str) else foreach
    if isinstance(values, dict):
        return {str(key): {"item": value, "key": key} for key, value in values.items()}
    if isinstance(values, list) and not any(isinstance(value, dict | list) for value in values):
        return {str(value): {"item": value} for value in values}
    raise GraphError(f"dvc.yaml: stage {group}: foreach must give a mapping or a list of scalars, found {values!r}")


def _stage(group: str, item: str | None, entry: Mapping[str, Any], names: Mapping[str, Any]) -> Stage:
    deps = _paths(entry.get("deps", []), names)
    outs = tuple(path for kind in _OUTS for path in _paths(entry.get(kind, []), names))
    return Stage(group, item, deps, outs)


def _paths(entries: list[str | dict[str, Any]], names: Mapping[str, Any]) -> tuple[PurePosixPath, ...]:
    """Paths of a list of deps or outs; an out with options is a mapping with the path as its only key."""
    texts = [next(iter(entry)) if isinstance(entry, dict) else entry for entry in entries]
    return tuple(PurePosixPath(_REFERENCE.sub(lambda match: str(_lookup(names, match[1])), text)) for text in texts)


def _lookup(names: Mapping[str, Any], address: str) -> Any:
    value: Any = names
    for part in address.strip().split("."):
        if not isinstance(value, dict) or part not in value:
            raise GraphError(f"dvc.yaml: ${{{address}}} is not in params.yaml")
        value = value[part]
    return value


def _feeds(maker: Stage, user: Stage) -> bool:
    """Whether a dependency is an out, lies within one, or (a folder) holds one."""
    pairs = [(out, dep) for out in maker.outs for dep in user.deps]
    return maker != user and any(dep.is_relative_to(out) or out.is_relative_to(dep) for out, dep in pairs)
