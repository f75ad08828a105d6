"""What dvc.yaml says against what the code does: dependencies, parameters, defaults.

DVC reruns a stage when what dvc.yaml names has changed, and never else. A module, a parameter or a default that a stage
uses and dvc.yaml does not name would give stale results without a word.
"""

from collections.abc import Iterator
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any, get_args

import grimp
import pytest
import yaml
from pydantic import BaseModel, ValidationError

from stages import flow
from stages.__main__ import STAGES
from stages.launch import parameter_addresses
from stages.params import Params, read

ROOT = Path(__file__).resolve().parent.parent.parent
PIPELINE: dict[str, Any] = yaml.safe_load((ROOT / "dvc.yaml").read_text(encoding="utf-8"))["stages"]
BODIES = {name: stage.get("do", stage) for name, stage in PIPELINE.items()}
PARAMS_FILES = [ROOT / "params.yaml", *sorted((ROOT / "presets").glob("*.yaml"))]

EXEMPT = {
    "stages",
    "stages.__main__",
    "stages.launch",
    "stages.params",
    "stages.bounds",
    "stages.separators",
    "stages.layout",
    "stages.progress",
}


@cache
def imports() -> grimp.ImportGraph:
    """All imports of the project, those inside functions too."""
    return grimp.build_graph("stages", cache_dir=None)


def closure(stage: str) -> set[str]:
    """The entry module and all that it imports, directly or not, less what cannot change a result."""
    entry = f"stages.{stage}"
    return ({entry} | imports().find_upstream_modules(entry)) - EXEMPT


def source(module: str) -> Path:
    path = ROOT.joinpath(*module.split("."))
    return path / "__init__.py" if path.is_dir() else path.with_suffix(".py")


def code_deps(stage: str) -> set[Path]:
    return {ROOT / dep for dep in BODIES[stage]["deps"] if dep.startswith("stages/")}


def test_every_stage_has_an_entry_module_and_a_command() -> None:
    assert list(PIPELINE) == list(STAGES)
    for name, body in BODIES.items():
        item = {"perform": " ${item}"}.get(name, " ${key}" if "do" in PIPELINE[name] else "")
        assert body["cmd"] == f"python -m stages {name}{item}"


@pytest.mark.parametrize("stage", list(PIPELINE))
def test_everything_a_stage_imports_is_among_its_dependencies(stage: str) -> None:
    """Exempt are modules through which no result can change unseen: params, bounds and separators (their values come by
    `params:`), layout (the paths stand in `deps:` and `outs:`), launch and __main__ (they only call), progress (it only
    prints)."""
    deps = code_deps(stage)
    unseen = {m for m in closure(stage) if not any(source(m).is_relative_to(dep) for dep in deps)}
    assert unseen == set()


@pytest.mark.parametrize("stage", list(PIPELINE))
def test_no_stage_depends_on_code_that_it_does_not_import(stage: str) -> None:
    """Else an edit in a foreign room would recompute it for nothing."""
    used = {source(module) for module in closure(stage)}
    assert {dep for dep in code_deps(stage) if not any(path.is_relative_to(dep) for path in used)} == set()


@pytest.mark.parametrize("room", ["networks", "training", "audio", "metrics", "reporting", "tracking", "media"])
def test_an_edit_of_a_network_or_of_training_does_not_make_flow_stale(room: str) -> None:
    """Flow takes longest. Nor does what follows motion through a clip, which lives in the same room as flow."""
    edited = [ROOT / f"stages/{room}/any.py", ROOT / f"stages/{room}.py", ROOT / "stages/train.py"]
    edited += [ROOT / "stages/motion/trajectories.py", ROOT / "stages/motion/synthetic.py"]
    assert [path for path in edited if any(path.is_relative_to(dep) for dep in code_deps("flow"))] == []


def test_stored_flow_outlives_no_code_that_estimates_it() -> None:
    """The modules that name finished work in the store are those of motion and flow that DVC knows of."""
    named = {ROOT / "stages" / name for name in flow.CODE}
    known = {source(m) for m in closure("flow") if m.startswith("stages.motion.") or m == "stages.flow"}
    assert {path for path in named if "shards" not in path.parts} == known
    assert all(path.is_file() for path in named)


def test_imports_are_all_visible() -> None:
    """An import by name would hide a dependency; the launcher's own is exempt, and ray's names no module of ours."""
    hidden = {name for name in imports().modules if "import_module(" in source(name).read_text(encoding="utf-8")}
    assert hidden <= {"stages.launch", "stages.compute.pool"}


@pytest.mark.parametrize("stage", list(PIPELINE))
def test_arguments_of_run_are_the_params_of_the_stage(stage: str) -> None:
    addresses = parameter_addresses(import_module(f"stages.{stage}").run)
    named = {address.replace("${key}", "{item}").replace("${item}", "{item}") for address in BODIES[stage]["params"]}
    assert set(addresses.values()) == named


def test_the_sections_of_params_yaml_are_those_that_stages_use() -> None:
    used = {address.split(".")[0] for body in BODIES.values() for address in body["params"]}
    used |= {"admit"}  # of the command that stands before training without being a stage
    assert used == {field.alias or name for name, field in Params.model_fields.items()}


@pytest.mark.parametrize("path", PARAMS_FILES, ids=lambda path: path.stem)
def test_params_files_are_valid(path: Path) -> None:
    read(path)


@pytest.mark.parametrize("path", PARAMS_FILES, ids=lambda path: path.stem)
def test_an_unknown_key_is_refused_in_every_section(path: Path) -> None:
    content = yaml.safe_load(path.read_text(encoding="utf-8"))
    places = list(sections_of(content, Params))
    assert len(places) > 10
    for section in places:
        section["surprise"] = 1
        with pytest.raises(ValidationError, match="surprise"):
            Params.model_validate(content)
        del section["surprise"]


def sections_of(content: dict[str, Any], kind: type[BaseModel]) -> Iterator[dict[str, Any]]:
    """Every mapping of a params file that is read as a section."""
    yield content
    for name, field in kind.model_fields.items():
        value = content[field.alias or name]
        for inner in sections_in(field.annotation):
            named = value.values() if inner is not field.annotation else [value]
            for mapping in named:
                if fits(mapping, inner):
                    yield from sections_of(mapping, inner)


def fits(mapping: dict[str, Any], kind: type[BaseModel]) -> bool:
    """Of several kinds of section in one place, the one that the mapping names."""
    named = kind.model_fields.get("kind")
    return named is None or mapping["kind"] in get_args(named.annotation)


def sections_in(annotation: Any) -> Iterator[type[BaseModel]]:
    """Section types anywhere inside a field's annotation."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for argument in get_args(annotation):
        yield from sections_in(argument)


def all_sections(kind: type[BaseModel]) -> Iterator[type[BaseModel]]:
    yield kind
    for field in kind.model_fields.values():
        for inner in sections_in(field.annotation):
            yield from all_sections(inner)


@pytest.mark.parametrize("section", sorted(set(all_sections(Params)), key=lambda kind: kind.__name__))
def test_no_field_has_a_default_and_nothing_is_computed(section: type[BaseModel]) -> None:
    """A default in code is a value that DVC cannot see change."""
    assert [name for name, field in section.model_fields.items() if not field.is_required()] == []
    assert section.model_computed_fields == {}
    assert section.model_config.get("extra") == "forbid"
    assert section.model_config.get("frozen") is True
