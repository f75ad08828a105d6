"""What `dvc plots` draws: lists of points, one file a plot; templates/ says how they look."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from stages.metrics.summary import ByKind, Columns

Points = list[dict[str, Any]]
_SHOWN = ("sdr", "sdr_low", "sdr_high", "si_sdri", "si_sdri_low", "si_sdri_high")


def plots(
    metrics: Mapping[str, Any], columns: Columns, curves: Mapping[str, Sequence[Mapping[str, Any]]]
) -> dict[str, Points]:
    """Points by the name of the plot.

    Args:
        metrics: From `stages.reporting.gathering.metrics`.
        columns: All scores.
        curves: Validations of each model's training: phase, step, loss, si_sdr_db.
    """
    models = list(metrics["controls"])
    return {
        "training": [{"model": model, **point} for model, points in curves.items() for point in points],
        "kinds": list(_kinds(metrics)),
        "labels": list(_labels(metrics)),
        "thresholds": list(_thresholds(metrics)),
        "scatter": list(_scatter(columns, models)),
    }


def _kinds(metrics: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """SDR and SI-SDRi with intervals of models and baselines on each kind of mix."""
    estimators: dict[str, ByKind] = {model: metrics[model] for model in metrics["controls"]} | metrics["baselines"]
    for estimator, by_kind in estimators.items():
        for kind, summary in by_kind.items():
            yield {"estimator": estimator, "kind": kind} | {name: summary[name] for name in _SHOWN}


def _labels(metrics: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    for model, by_kind in metrics["labels"].items():
        for kind, by_label in by_kind.items():
            for label, summary in by_label.items():
                yield {"model": model, "kind": kind, "label": label} | {name: summary[name] for name in _SHOWN}


def _thresholds(metrics: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """SI-SDR by threshold, with that of the model's own masks at every one."""
    for model, by_kind in metrics["thresholds"].items():
        for kind, by_threshold in by_kind.items():
            own = by_threshold["own"]["si_sdr"]
            for threshold, swept in by_threshold.items():
                if threshold != "own":
                    masks = {"model": model, "kind": kind, "threshold": float(threshold)}
                    yield masks | {"si_sdr": swept["si_sdr"], "own_si_sdr": own}


def _scatter(columns: Columns, models: Sequence[str]) -> Iterator[dict[str, Any]]:
    """SI-SDR of the mixture against that of the model's estimate, of each sound."""
    names = ("estimator", "kind", "label", "si_sdr", "si_sdri")
    for model, kind, label, after_db, gain_db in zip(*(columns[name] for name in names), strict=True):
        if model in models and after_db is not None:
            before_db = round(after_db - gain_db, 6)
            yield {"model": model, "kind": kind, "label": label, "mixture_si_sdr": before_db, "si_sdr": after_db}
