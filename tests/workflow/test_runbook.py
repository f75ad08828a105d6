"""Every command of docs/runbook.md is one that its tool takes: the tools' own parsers read them."""

import re
import shlex
from functools import cache
from pathlib import Path

import pytest
from typer.main import get_command

from stages.__main__ import app
from stages.exits import LATER, REFUSED, WRONG

RUNBOOK = Path("docs/runbook.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"(?ms)^```sh\n(.*?)^```", RUNBOOK)
LINES = [line.partition("  #")[0].strip() for block in BLOCKS for line in block.splitlines()]
INLINE = re.findall(r"`((?:make|airflow|dvc|python|git) [^`]+)`", " ".join(RUNBOOK.split()))
COMMANDS = sorted({*LINES, *(line for line in INLINE if "..." not in line)})
SHELL = ("cat", "cd", "export", "ls", "ps", "source")
SECTIONS = re.findall(r"(?m)^## (.+)$", RUNBOOK)


@cache
def targets() -> set[str]:
    return set(re.findall(r"(?m)^([a-z-]+):", Path("Makefile").read_text(encoding="utf-8")))


def refused(command: list[str]) -> bool:
    """Whether the tool would not know what to do with a command."""
    tool, *words = command
    if tool == "make":
        return words[0] not in targets()
    if tool == "python":
        assert words[:2] == ["-m", "stages"]
        return not _known_to_click(words[2:])
    if tool in ("airflow", "dvc"):
        try:
            _parser(tool).parse_args(words)
        except (SystemExit, Exception) as error:  # dvc raises its own
            return getattr(error, "code", 1) != 0
        return False
    return tool not in (*SHELL, "git")


def _known_to_click(words: list[str]) -> bool:
    group = get_command(app)
    with group.make_context("stages", words, resilient_parsing=True) as context:
        name, command, rest = group.resolve_command(context, words)  # pyright: ignore
        command.make_context(name, rest, parent=context)
    return True


@cache
def _parser(tool: str) -> object:
    if tool == "dvc":
        from dvc.cli.parser import get_main_parser

        return get_main_parser()
    from airflow.cli.cli_parser import get_parser

    return get_parser()


@pytest.mark.parametrize("command", COMMANDS)
def test_a_command_is_one_that_its_tool_takes(command: str) -> None:
    assert not refused(shlex.split(command))


@pytest.mark.parametrize(
    "command",
    ["make nothing", "airflow dags clear retrain --run RUN --sooner", "dvc repro --nothing", "reboot"],
)
def test_a_command_that_no_tool_takes_is_seen(command: str) -> None:
    assert refused(shlex.split(command))


def test_every_section_is_led_to_and_every_link_leads_to_one() -> None:
    anchors = {re.sub(r"[^a-z0-9 -]", "", section.lower()).replace(" ", "-") for section in SECTIONS}
    assert set(re.findall(r"\]\(#([^)]+)\)", RUNBOOK)) == anchors


def test_what_it_says_of_statuses_is_what_stages_end_with() -> None:
    assert (WRONG, REFUSED, LATER) == (1, 3, 75)
    for said in (f"status {WRONG}", f"status {REFUSED}", f"status {LATER}"):
        assert said in RUNBOOK


# What alarms say, and the source that says it.
SAID = {
    "already running in this workspace": "stages/launch.py",
    "files are not what was registered": "stages/tracking/versions.py",
    "does not answer": "stages/tracking/server.py",
    "loss or gradient was not finite in": "stages/training/loop.py",
    "no mix of the split test": "stages/tracking/evidence.py",
    "ended by itself": "infra/services/service.py",
    "is taken by": "infra/services/service.py",
    "ended with status": "dags/steps.py",
    "cannot be loaded": "infra/services/__main__.py",
}


@pytest.mark.parametrize("words", SAID)
def test_it_quotes_what_the_code_says(words: str) -> None:
    assert words in Path(SAID[words]).read_text(encoding="utf-8")
    assert words in RUNBOOK
