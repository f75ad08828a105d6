"""Versions come and go, by the commands that people and schedulers call, against a real registry."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner

from stages import layout, register
from stages.__main__ import app
from stages.shards.schema import MixSource
from stages.shards.tables import write_rows
from stages.tracking.server import connect
from stages.tracking.versions import find
from tests.synth.lineage import register_again, registry_world
from tests.synth.registered import SECTIONS
from tests.synth.signals import mix_rows

GOOD: list[float | None] = [2.0, 3.0, 2.5, 3.5]
BETTER: list[float | None] = [4.0, 5.0, 4.5, 5.6]
EQUAL: list[float | None] = [3.0, 4.0, 1.6, 2.6]


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """One version that is registered and judged, on scores that are above the mixture."""
    with registry_world(tmp_path_factory.mktemp("promote")) as folder:
        register_again(folder, GOOD, seed=1)
        yield folder


def called(*arguments: str) -> tuple[int, str]:
    result = CliRunner().invoke(app, list(arguments))
    return result.exit_code, result.stdout


def aliases() -> dict[str, list[str]]:
    versions = json.loads(called("history", "pixels", "--json")[1])
    return {version["number"]: version["aliases"] for version in versions}


def tags(address: str) -> dict[str, str]:
    return find(connect(), address).tags


def test_the_life_of_a_registry(world: Path) -> None:
    """In one go, since each step takes the registry as the one before left it."""
    assert tags("pixels/1")["verdict"] == "promote"
    assert tags("pixels/1")["held_against"] == "none"
    assert called("promote", "pixels") == (0, f"pixels/1 is the champion\n  {tags('pixels/1')['reasons']}\n")
    assert called("promote", "pixels")[0] == 0  # again, as a retry does
    assert aliases() == {"1": ["candidate", "champion"]}

    register_again(world, EQUAL, seed=2)
    status, said = called("promote", "pixels", "--json")
    verdict = json.loads(said)
    assert (status, verdict["outcome"]) == (4, "inconclusive")
    assert verdict["more_videos"] > 0
    assert tags("pixels/2")["more_videos"] == str(verdict["more_videos"])
    assert tags("pixels/2")["held_against"] == "pixels/1"
    assert aliases() == {"2": ["candidate"], "1": ["champion"]}

    register_again(world, [-100.0] * 4, seed=3, swapped_db=-100.0)
    status, said = called("promote", "pixels")
    assert status == 3
    assert said.startswith("pixels/3 was not promoted: rejected\n  100.0% of its estimates are silent")
    assert aliases()["1"] == ["champion"]

    register_again(world, BETTER, seed=4)
    assert called("promote", "pixels")[0] == 0
    assert aliases() == {"4": ["candidate", "champion"], "3": [], "2": [], "1": ["previous"]}

    assert called("rollback", "pixels") == (0, "pixels/1 is the champion again; pixels/4 is marked as rolled back\n")
    assert called("rollback", "pixels")[0] == 1
    status, said = called("promote", "pixels")  # the candidate still is 4: nothing unattended brings it back
    assert status == 3
    assert "was rolled back at 20" in said
    assert called("promote", "pixels", "--despite", "the alarm was false")[0] == 0
    assert aliases()["4"] == ["candidate", "champion"]
    assert tags("pixels/4")["promoted_despite"] == "the alarm was false"

    status, said = called("history", "pixels")
    assert status == 0
    assert [line.split()[0] for line in said.splitlines() if line[:1].isdigit()] == ["4", "3", "2", "1"]


def test_a_damaged_version_is_neither_promoted_nor_rolled_back_to(world: Path) -> None:
    previous = find(connect(), "pixels@previous")
    (weights,) = [p for p in world.glob("mlartifacts/**/weights.safetensors") if previous.model_id in p.parts]
    before = weights.read_bytes()
    weights.write_bytes(bytes([before[0] ^ 1]) + before[1:])
    for command in (("rollback", "pixels"), ("promote", "pixels", "--version", previous.number, "--despite", "x")):
        status, said = called(*command)
        assert status == 1
        assert "weights.safetensors: found sha256" in said
    weights.write_bytes(before)


def test_versions_side_by_side_as_text_json_and_a_page_with_sound(world: Path) -> None:
    status, said = called("compare", "pixels@champion", "pixels/1")
    assert status == 0
    assert said.startswith("pixels 4 minus pixels 1, SI-SDR")
    assert "  different2 +2.0" in said
    status, said = called("compare", "pixels/4", "pixels/1", "--json")
    found = json.loads(said)
    assert found["kinds"][0]["difference_db"] == pytest.approx(4.775 - 2.75)
    assert "weights" in {change["name"] for change in found["tags"]}
    status, said = called("compare", "pixels/4", "pixels/1", "--html")
    assert (status, said) == (0, "wrote reports/compare.html\n")
    page = (world / layout.COMPARISON).read_text()
    assert page.count("<audio") == 2 * (1 + 2 * 3)


def test_what_cannot_be_compared_or_is_not_there_is_said(world: Path) -> None:  # noqa: ARG001
    assert called("compare", "pixels/9", "pixels/1") == (
        1,
        "compare: pixels/9: no such version in the registry; there are: pixels/1, pixels/2, pixels/3, pixels/4\n",
    )
    assert called("history", "motions") == (
        1,
        "history: motions: no version is registered; `dvc repro register@motions` makes one\n",
    )
    assert called("rollback", "motions")[0] == called("promote", "motions")[0] == 1


def test_a_champion_of_other_mixes_is_scored_anew_before_anything_is_said(world: Path) -> None:
    """Comes last: it changes the mixes."""
    other = [*mix_rows("mix0", ["0-2", "2-2"]), *mix_rows("mix1", ["1-2", "3-2"])]
    write_rows(world / layout.MIXES, other, MixSource)
    register_again(world, [40.0, 50.0, 41.0, 50.0], seed=5)
    assert tags("pixels/5")["verdict"] == "inconclusive"
    assert "`python -m stages rescore pixels/4`" in tags("pixels/5")["reasons"]
    status, said = called("compare", "pixels/5", "pixels/4")
    assert status == 1
    assert said.startswith("compare: not the same mixes: pixels/5 on ")

    status, said = called("rescore", "pixels/4")
    assert status == 0
    assert said.startswith("pixels/4: scored on mixes ")
    assert called("rescore", "pixels/4")[1].startswith("pixels/4: was scored on mixes ")
    register.run("pixels", **SECTIONS)
    judged = tags("pixels/5")
    assert judged["held_against"] == "pixels/4"
    assert float(judged["difference_db"]) > 10
    assert called("compare", "pixels/5", "pixels/4")[0] == 0
