import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from stages.reporting.gathering import join, metrics
from stages.reporting.plots import Points, plots
from tests.synth.signals import score_columns

ROOT = Path(__file__).resolve().parents[2]
PLOTS: list[dict[str, Any]] = yaml.safe_load((ROOT / "dvc.yaml").read_text(encoding="utf-8"))["plots"]


@pytest.fixture
def drawn() -> dict[str, Points]:
    parts = [
        score_columns("pixels", [6.0, 2.0, None, 4.0]),
        score_columns("pixels:threshold_0.5", [3.0, 5.0, None, 1.0]),
    ]
    baselines = score_columns("mixture", [0.0, 0.0, None, 0.0])
    scores = {"pixels": {name: [v for part in parts for v in part[name]] for name in parts[0]}, "baselines": baselines}
    scores["pixels"]["si_sdri"][0] = 7.0  # the mixture is at -1 dB
    columns = join(scores)
    curves = {
        "pixels": [
            {"phase": "S1", "step": 3, "loss": 0.7, "si_sdr_db": None},
            {"phase": "S2", "step": 6, "loss": 0.5, "si_sdr_db": 1.5},
        ]
    }
    return plots(metrics(columns, ["pixels"], resamples=50, seed=1), columns, curves)


def test_points_are_the_scores(drawn: dict[str, Points]) -> None:
    training = [(point["model"], point["phase"], point["step"]) for point in drawn["training"]]
    assert training == [("pixels", "S1", 3), ("pixels", "S2", 6)]
    assert [(point["estimator"], point["sdr"]) for point in drawn["kinds"]] == [("pixels", 4), ("mixture", 0)]
    assert [(point["label"], point["sdr"]) for point in drawn["labels"]] == [("label0", 6), ("label1", 3)]
    assert drawn["thresholds"] == [
        {"model": "pixels", "kind": "different2", "threshold": 0.5, "si_sdr": 3, "own_si_sdr": 4}
    ]
    assert [(point["mixture_si_sdr"], point["si_sdr"]) for point in drawn["scatter"]] == [(-1, 6), (0, 2), (0, 4)]


def test_every_plot_of_dvc_yaml_names_points_and_fields_that_are_written(drawn: dict[str, Points]) -> None:
    used: set[str] = set()
    for plot in PLOTS:
        ((_, settings),) = plot.items()
        ((path, field),) = settings["y"].items()
        assert Path(path).parent == Path("reports/plots")
        used.add(Path(path).stem)
        assert {field, settings["x"]} <= set(drawn[Path(path).stem][0])
    assert used == set(drawn)


def test_every_field_of_a_template_is_written(drawn: dict[str, Points]) -> None:
    for plot in PLOTS:
        ((_, settings),) = plot.items()
        (path,) = settings["y"]
        template = json.loads((ROOT / settings["template"]).read_text(encoding="utf-8"))
        named = {field for field in fields_of(template) if not field.startswith("<DVC")}
        assert named - {"rev"} <= set(drawn[Path(path).stem][0])  # rev: the revision, which dvc adds


def fields_of(part: Any) -> set[str]:
    if isinstance(part, list):
        return {field for item in part for field in fields_of(item)}
    if isinstance(part, dict):
        own = {part["field"]} if "field" in part else set()
        return own | fields_of(list(part.values()))
    return set()
