"""Versions are scored on other ground than they were registered with: other mixes and masks, never other rates."""

import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import yaml
from typer.testing import CliRunner

from stages import layout, register
from stages.__main__ import app
from stages.networks.separation import save
from stages.shards.files import read_json, sha256
from stages.tracking.server import connect
from stages.tracking.standing import scores_on
from stages.tracking.versions import find, named
from tests.synth.learning import CLIP
from tests.synth.lineage import damage, draw_other_mixes, register_again, registry_world
from tests.synth.registered import LEFT_OUT, LICENCES, SECTIONS, tiny_separator


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A version that was scored on other mixes than the present ones."""
    with registry_world(tmp_path_factory.mktemp("rescore")) as folder:
        register_again(folder, [2.0, 3.0, 2.5, 3.5], seed=1)
        draw_other_mixes(folder)
        yield folder


def called(*arguments: str) -> tuple[int, str]:
    result = CliRunner().invoke(app, list(arguments))
    return result.exit_code, result.output


def test_damaged_scores_are_refused_and_made_anew_when_asked(world: Path) -> None:
    assert called("rescore", "pixels/1")[0] == 0
    mixes = sha256(layout.MIXES)
    before = scores_on(connect(), find(connect(), "pixels/1"), mixes)
    (path,) = world.glob("mlartifacts/**/rescored/*/scores.parquet")
    damage(path)
    status, said = called("rescore", "pixels/1")
    assert status == 1
    assert "`python -m stages rescore pixels/1 --again` makes it anew" in said
    assert "pixels/1 " in called("standings")[1]  # it is told as one without scores
    assert called("rescore", "pixels/1", "--again")[0] == 0
    assert scores_on(connect(), find(connect(), "pixels/1"), mixes) == before
    assert called("rescore", "pixels/1")[1].startswith("pixels/1: was scored on mixes ")


def test_other_masks_are_other_ground(world: Path) -> None:
    assert called("rescore", "pixels/1")[0] == 0
    text = (world / layout.PARAMS).read_text(encoding="utf-8")
    content = yaml.safe_load(text)
    content["evaluate"]["mask"] = "binary"
    (world / layout.PARAMS).write_text(yaml.safe_dump(content), encoding="utf-8")
    try:
        assert "not scored" in called("standings", "pixels")[1]
        assert "pixels/1: scored on mixes " in called("rescore", "pixels/1")[1]
        version, mixes = find(connect(), "pixels/1"), sha256(layout.MIXES)
        binary, own = scores_on(connect(), version, mixes, "binary"), scores_on(connect(), version, mixes)
        assert binary is not None and own is not None
        assert binary["si_sdr"] != own["si_sdr"]
        assert scores_on(connect(), version, mixes, "soft") == own
    finally:
        (world / layout.PARAMS).write_text(text, encoding="utf-8")


def test_clips_of_another_rate_are_refused(world: Path) -> None:
    separator = tiny_separator(seed=5)
    faster = replace(separator, clip=CLIP.model_copy(update={"sample_rate_hz": 8000}))
    save(faster, world / layout.model("pixels"), {"name": "pixels", "seed": 5, "steps": 6} | LICENCES | LEFT_OUT)
    register.run("pixels", **SECTIONS)
    version = read_json(layout.receipt("pixels"))["version"]
    draw = sha256(layout.MIXES)
    assert version != "1"
    status, said = called("rescore", f"pixels/{version}", "--again")
    assert status == 1
    assert "decoded clips have sample_rate_hz 4000, expected 8000 as it was trained with" in said
    assert f"rescored_{draw[:16]}" not in find(connect(), f"pixels/{version}").tags


def test_versions_are_named_by_model_and_address(world: Path) -> None:
    assert world == Path.cwd()
    assert [version.address for version in named(connect(), ["pixels/1", "pixels/1"])] == ["pixels/1"]
    assert named(connect(), []) == named(connect(), ["pixels"])
    assert called("standings", "motions") == (1, "standings: motions: no version is registered\n")


def test_a_registry_that_is_away_is_worth_another_try(world: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert world == Path.cwd()
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:9")
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    status, said = called("rescore", "pixels/1")
    assert status == os.EX_TEMPFAIL
    assert "does not answer" in said
    assert called("tidy")[0] == os.EX_TEMPFAIL
