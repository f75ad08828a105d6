import json

import pytest

from stages.reporting.gathering import GatherError, join, metrics
from tests.synth.signals import score_columns

BASELINES = score_columns("mixture", [0.0, 0.0, 0.0, None])
OTHER_KIND = score_columns("mixture", [-3.0, -3.0], kind="different3")


def two_kinds() -> dict[str, dict[str, list]]:  # pyright: ignore[reportMissingTypeArgument]
    def both(name: str, first: float, second: float) -> dict[str, list]:  # pyright: ignore[reportMissingTypeArgument]
        parts = [score_columns(name, [first] * 3 + [None]), score_columns(name, [second] * 2, kind="different3")]
        return {column: parts[0][column] + parts[1][column] for column in parts[0]}

    own, swapped = both("pixels", 6.0, 2.0), both("pixels:swapped_vision", -100.0, -5.0)
    return {
        "pixels": {column: own[column] + swapped[column] for column in own},
        "baselines": {column: BASELINES[column] + OTHER_KIND[column] for column in BASELINES},
    }


def test_metrics_have_the_agreed_form() -> None:
    columns = join(two_kinds())
    found = metrics(columns, ["pixels"], resamples=100, seed=1)
    assert list(found) == ["pixels", "controls", "thresholds", "labels", "baselines", "counts"]
    assert [found["pixels"][kind]["si_sdri"] for kind in ("different2", "different3")] == [6, 2]
    assert found["pixels"]["different2"]["n"] == 2
    assert list(found["controls"]) == ["pixels"]
    assert found["controls"]["pixels"]["swapped_vision_si_sdri"] == pytest.approx((3 * -100 + 2 * -5) / 5)
    assert found["controls"]["pixels"]["swapped_vision"]["different3"]["si_sdr"] == -5
    assert list(found["baselines"]) == ["mixture"]
    assert found["counts"] == {
        "mixes": 3,
        "videos": 4,
        "silent_references": 1,
        "silent_estimates": {"mixture": 0, "pixels": 0, "pixels:swapped_vision": 3},
    }
    json.dumps(found, allow_nan=False)


def test_labels_and_thresholds_have_parts_of_their_own() -> None:
    parts = [score_columns("pixels", [6.0, 2.0]), score_columns("pixels:swapped_vision", [-9.0, -9.0])]
    parts += [score_columns(f"pixels:threshold_0.{tenth}", [float(tenth)] * 2) for tenth in (1, 5)]
    parts[2] |= {name: [None, None] for name in ("sdr", "sir", "sar")}
    scores = {"pixels": {name: [v for part in parts for v in part[name]] for name in parts[0]}}
    found = metrics(join(scores | {"baselines": score_columns("mixture", [0.0, 0.0])}), ["pixels"], resamples=9, seed=1)
    swept = found["thresholds"]["pixels"]["different2"]
    assert {name: (one["si_sdr"], one["sdr"]) for name, one in swept.items()} == {
        "own": (4, 4),
        "0.1": (1, None),
        "0.5": (5, 5),
    }
    by_label = found["labels"]["pixels"]["different2"]
    assert {label: summary["si_sdri"] for label, summary in by_label.items()} == {"label0": 6, "label1": 2}
    assert list(found["labels"]) == ["pixels"]
    assert set(found["controls"]["pixels"]) == {"swapped_vision", "swapped_vision_si_sdri"}
    assert set(found["counts"]["silent_estimates"]) == {"mixture", "pixels", "pixels:swapped_vision"}


def test_models_follow_the_baselines_by_name() -> None:
    scores = {name: score_columns(name, [1.0] * 4) for name in ("zither", "pixels")} | {"baselines": BASELINES}
    assert list(dict.fromkeys(join(scores)["estimator"])) == ["mixture", "pixels", "zither"]


@pytest.mark.parametrize(
    ("scores", "message"),
    [
        ({"pixels": BASELINES}, "dvc repro baselines"),
        ({"baselines": BASELINES, "pixels": OTHER_KIND}, "pixels was scored on other mixes"),
        ({"baselines": BASELINES, "controls": BASELINES}, "may not be named controls"),
    ],
)
def test_scores_that_do_not_belong_together_are_refused(scores: dict, message: str) -> None:  # pyright: ignore
    with pytest.raises(GatherError, match=message):
        join(scores)
