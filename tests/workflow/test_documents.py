"""What README and docs tell people to do exists: targets, commands, stages, files."""

import re
from pathlib import Path

import pytest

from dags.graph import read_graph
from stages.__main__ import STAGES

DOCUMENTS = [Path("README.md"), *sorted(Path("docs").rglob("*.md"))]
BESIDE_THE_GRAPH = {
    "doctor",
    "plan",
    "agreement",
    "configure",
    "admit",
    "compare",
    "promote",
    "rescore",
    "standings",
    "rollback",
    "history",
    "gc",
    "trim",
    "tidy",
    "clear",
    "disk",
    "forget",
    "flow-weights",
}


def targets() -> set[str]:
    return set(re.findall(r"(?m)^([a-z-]+):", Path("Makefile").read_text(encoding="utf-8")))


def test_readme_is_short() -> None:
    assert len(Path("README.md").read_text(encoding="utf-8").splitlines()) <= 150


@pytest.mark.parametrize("document", DOCUMENTS, ids=str)
def test_commands_exist(document: Path) -> None:
    text = document.read_text(encoding="utf-8")
    assert set(re.findall(r"(?:`|^)make ([a-z]+(?:-[a-z]+)*)", text, re.MULTILINE)) <= targets()
    assert set(re.findall(r"python -m stages ([a-z]+(?:-[a-z]+)*)", text)) <= set(STAGES) | BESIDE_THE_GRAPH
    stages = set(re.findall(r"dvc repro (?:--\S+ )*([a-z]+(?:@[a-z]+)?)", text))
    assert stages <= set(read_graph(Path()).stages)
    presets = set(re.findall(r"NAME=([a-z-]+)", text)) - {"default"}
    assert all(Path(f"presets/{name}.yaml").exists() for name in presets)


@pytest.mark.parametrize("document", DOCUMENTS, ids=str)
def test_linked_files_exist(document: Path) -> None:
    links = re.findall(r"\]\(([^)#:]+)\)", document.read_text(encoding="utf-8"))
    assert [link for link in links if not (document.parent / link).exists()] == []


@pytest.mark.parametrize("document", DOCUMENTS, ids=str)
def test_named_source_files_exist(document: Path) -> None:
    named = re.findall(r"`((?:stages|infra|tests|dags)/[\w/]+\.(?:py|yaml))`", document.read_text(encoding="utf-8"))
    assert [name for name in named if not Path(name).exists()] == []
