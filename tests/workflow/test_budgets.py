"""The house's budgets: short functions and modules, few arguments, entries that are sentences, no rooms named utils."""

import ast
from collections.abc import Iterator
from pathlib import Path
from statistics import median

import pytest

from stages.__main__ import STAGES

ROOT = Path(__file__).resolve().parent.parent.parent
SOURCES = sorted(path for folder in ("stages", "dags", "infra") for path in (ROOT / folder).rglob("*.py"))
NAMES = [str(path.relative_to(ROOT)) for path in SOURCES]

MODULE_LINES, FUNCTION_LINES, NETWORK_FUNCTION_LINES, ENTRY_LINES, ARGUMENTS = 400, 60, 80, 70, 5
NO_ROOMS = {"utils", "util", "common", "helpers", "misc"}

Function = ast.FunctionDef | ast.AsyncFunctionDef


def functions(path: Path) -> Iterator[Function]:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    yield from (node for node in ast.walk(tree) if isinstance(node, Function))


def length(function: Function) -> int:
    assert function.end_lineno is not None
    return function.end_lineno - function.lineno + 1


def num_arguments(function: Function, path: Path) -> int:
    """Arguments but self; the `run` of a stage has one for each section that it depends on, however many."""
    if function.name == "run" and path.parent == ROOT / "stages":
        return 0
    arguments = [*function.args.posonlyargs, *function.args.args, *function.args.kwonlyargs]
    return len([argument for argument in arguments if argument.arg not in ("self", "cls")])


@pytest.mark.parametrize("path", SOURCES, ids=NAMES)
def test_modules_and_functions_are_short(path: Path) -> None:
    limit = NETWORK_FUNCTION_LINES if "networks" in path.parts else FUNCTION_LINES
    assert len(path.read_text(encoding="utf-8").splitlines()) <= MODULE_LINES
    assert {function.name: length(function) for function in functions(path) if length(function) > limit} == {}
    assert {function.name for function in functions(path) if num_arguments(function, path) > ARGUMENTS} == set()


@pytest.mark.parametrize("stage", list(STAGES))
def test_an_entry_is_a_sentence(stage: str) -> None:
    path = ROOT / f"stages/{stage}.py"
    assert len(path.read_text(encoding="utf-8").splitlines()) <= ENTRY_LINES
    loops = [node for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))) if isinstance(node, ast.While)]
    assert loops == []


def test_the_median_function_has_at_most_ten_lines() -> None:
    assert median(length(function) for path in SOURCES for function in functions(path)) <= 10


def test_no_room_is_named_for_what_it_is_not() -> None:
    assert [name for name in NAMES if NO_ROOMS & set(Path(name).with_suffix("").parts)] == []


def test_every_function_is_annotated() -> None:
    bare = [
        f"{path.relative_to(ROOT)}:{function.lineno}"
        for path in SOURCES
        for function in functions(path)
        if function.returns is None
    ]
    assert bare == []
