"""dags/backfill.py by Airflow, on a real registry whose versions were scored on other mixes than the present ones."""

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from stages import layout
from stages.__main__ import app
from stages.shards.files import sha256
from stages.tracking.server import connect
from stages.tracking.standing import scores_on
from stages.tracking.versions import find, promote
from tests.synth.airflow import ROOT, airflow, airflow_environment
from tests.synth.lineage import damage, draw_other_mixes, register_again, registry_world, stored


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Two versions on earlier mixes, of which the second's weights are damaged, and a third on the present ones."""
    with registry_world(tmp_path_factory.mktemp("backfill")) as folder:
        (folder / "stages").symlink_to(ROOT / "stages")
        for seed in (1, 2):
            register_again(folder, [2.0, 3.0, 2.5, 3.5], seed=seed)
        draw_other_mixes(folder)
        register_again(folder, [4.0, 5.0, 4.5, 5.5], seed=3)
        promote(connect(), find(connect(), "pixels/3"), despite="a test")
        damage(stored(folder, find(connect(), "pixels/2"), "weights.safetensors"))
        yield folder


def standings(*names: str) -> dict[str, dict[str, Any]]:
    result = CliRunner().invoke(app, ["standings", "--json", *names])
    assert result.exit_code == 0, result.output
    return {version["address"]: version for version in json.loads(result.stdout)["versions"]}


def backfill(world: Path, conf: dict[str, Any]) -> str:
    home = world / "airflow-home"
    if not home.exists():
        home.mkdir()
        airflow("db migrate", airflow_environment(home, world))
    text = json.dumps(conf, separators=(",", ":"))
    return airflow(f"dags test backfill --conf {text}", airflow_environment(home, world, inherited=os.environ))


def test_versions_are_scored_anew_skipped_and_refused_each_by_itself(world: Path) -> None:
    before = standings()
    assert [version["lacking"] for version in before.values()] == ["", *["not scored on these mixes"] * 2]
    assert next(iter(before)) == "pixels/3"
    said = backfill(world, {"models": ["pixels"]})
    assert "pixels/3: has scores on these mixes already" in said
    assert "weights.safetensors: found sha256" in said
    mixes = sha256(layout.MIXES)
    assert scores_on(connect(), find(connect(), "pixels/1"), mixes) is not None
    assert scores_on(connect(), find(connect(), "pixels/2"), mixes) is None
    after = standings()
    assert (after["pixels/1"]["lacking"], after["pixels/2"]["lacking"]) == ("", "not scored on these mixes")
    first = after["pixels/1"]["scores"][0]
    assert (first["kind"], first["num_mixes"], first["num_videos"]) == ("all kinds", 2, 4)
    assert first["low_db"] < first["mean_db"] < first["high_db"]
    expected = first["mean_db"] - after["pixels/3"]["scores"][0]["mean_db"]
    assert after["pixels/1"]["over_champion_db"][0] == pytest.approx(expected)
    assert after["pixels/3"]["over_champion_db"] is None
    page = (world / layout.STANDINGS).read_text(encoding="utf-8")
    assert page.count("<tr>") == 4
    assert "pixels/2: not scored on these mixes" in said
