"""Gathers the scores of all models and baselines into one table and one set of metrics."""

from collections.abc import Mapping, Sequence
from statistics import fmean
from typing import Any

from stages.metrics.agreement import ClipAgreement, summarise_agreement
from stages.metrics.summary import THRESHOLD, ByKind, Columns, select, summarise, summarise_labels

BASELINES = "baselines"  # the folder of estimators that are no model
_RESERVED = (BASELINES, "controls", "corpus", "thresholds", "labels", "counts", "flow", "agreement")
_SWEPT = ("si_sdr", "si_sdr_low", "si_sdr_high", "sdr", "sdr_low", "sdr_high", "n")


class GatherError(ValueError):
    """The scores at hand cannot stand in one table."""


def join(scores: Mapping[str, Columns]) -> Columns:
    """One tidy table of all scores, baselines first, then models by name.

    Args:
        scores: Columns by the name of their folder: a model's, or BASELINES.

    Raises:
        GatherError: Nothing is scored, scores are of different mixes, or a model has a reserved name.
    """
    if BASELINES not in scores:
        raise GatherError(f"no scores of the baselines among {sorted(scores)}; run `dvc repro baselines`")
    names = [BASELINES, *sorted(set(scores) - {BASELINES})]
    for name in names[1:]:
        if name in _RESERVED:
            raise GatherError(f"a model may not be named {name}: metrics.json uses this key; rename it under models")
        if set(scores[name]["mix_id"]) != set(scores[BASELINES]["mix_id"]):
            raise GatherError(
                f"{name} was scored on other mixes than the baselines; run `dvc repro evaluate@{name}`, or delete its "
                f"folder if params.yaml names no such model any more"
            )
    return {column: [value for name in names for value in scores[name][column]] for column in scores[BASELINES]}


def metrics(columns: Columns, models: Sequence[str], *, resamples: int, seed: int) -> dict[str, Any]:
    """What reports/metrics.json holds.

    Args:
        columns: All scores, from `join`.
        models: Their names; estimator `<model>:<control>` is a control of a model, all others are baselines.
        resamples: Of the bootstrap.
        seed: Of the bootstrap.

    Returns:
        `{<model>: {<kind>: summary}, controls: {<model>: {<control>: {<kind>: summary}, <control>_si_sdri: mean over
        the rows of all kinds}}, thresholds: {<model>: {<kind>: {<threshold or "own">: SI-SDR and SDR}}}, labels:
        {<model>: {<kind>: {<label>: summary}}}, baselines: {<estimator>: {<kind>: summary}}, counts: {...}}`, a summary
        being what `stages.metrics.summary.summarise_rows` gives.
    """
    summaries = summarise(columns, resamples=resamples, seed=seed)
    own = select(columns, [row for row, name in enumerate(columns["estimator"]) if name in models])
    theirs = {name for name in summaries if name.partition(":")[0] in models}
    return {
        **{model: summaries[model] for model in models},
        "controls": {model: _controls(model, summaries, columns) for model in models},
        "thresholds": {model: _thresholds(model, summaries) for model in models},
        "labels": summarise_labels(own, resamples=resamples, seed=seed),
        BASELINES: {name: by_kind for name, by_kind in summaries.items() if name not in theirs},
        "counts": {
            "mixes": len(set(columns["mix_id"])),
            "videos": len(set(columns["video_id"])),
            "silent_references": _total(next(iter(summaries.values())), "silent_references"),
            "silent_estimates": {
                name: _total(by_kind, "silent_estimates")
                for name, by_kind in summaries.items()
                if f":{THRESHOLD}" not in name
            },
        },
    }


def agreement_by_phase(
    watched: Mapping[str, Sequence[Mapping[str, Any]]], *, resamples: int, seed: int
) -> dict[str, dict[str, Any]]:
    """Summaries `{<model>: {<phase>: summary}}` of what each model's model.json says of its phases, untrained first.

    A summary is what `stages.metrics.agreement.summarise_agreement` gives, and the `step`.
    """
    found: dict[str, dict[str, Any]] = {}
    for model, phases in watched.items():
        clips = [[ClipAgreement(**clip) for clip in phase["clips"]] for phase in phases]
        for phase, after in zip(phases, clips, strict=True):
            summary = summarise_agreement(after, clips[0], resamples=resamples, seed=seed)
            found.setdefault(model, {})[phase["phase"]] = {"step": phase["step"], **summary}
    return found


def _controls(model: str, summaries: Mapping[str, ByKind], columns: Columns) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, by_kind in summaries.items():
        of_model, _, control = name.partition(":")
        if of_model == model and control and not control.startswith(THRESHOLD):
            found |= {control: by_kind, f"{control}_si_sdri": _mean_si_sdri(name, columns)}
    return found


def _thresholds(model: str, summaries: Mapping[str, ByKind]) -> dict[str, Any]:
    """SI-SDR and SDR by kind and threshold, beside the model's own masks; empty where nothing was swept."""
    found: dict[str, Any] = {}
    for name, by_kind in sorted(summaries.items()):
        threshold = name.removeprefix(f"{model}:{THRESHOLD}")
        if threshold != name:
            for kind, summary in by_kind.items():
                swept = found.setdefault(kind, {"own": _swept(summaries[model][kind])})
                swept[threshold] = _swept(summary)
    return found


def _swept(summary: Mapping[str, Any]) -> dict[str, Any]:
    return {name: summary[name] for name in _SWEPT}


def _mean_si_sdri(estimator: str, columns: Columns) -> float | None:
    pairs = zip(columns["estimator"], columns["si_sdri"], strict=True)
    values = [value for name, value in pairs if name == estimator and value is not None]
    return round(fmean(values), 6) if values else None


def _total(by_kind: ByKind, count: str) -> int:
    return sum(summary[count] for summary in by_kind.values())
