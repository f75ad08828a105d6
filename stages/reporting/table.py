"""The table of scores: models, controls, baselines and oracles under one another: no number stands alone."""

from collections.abc import Iterator, Mapping
from typing import Any

from stages.metrics.summary import ByKind, Summary

_COLUMNS = ("SI-SDR", "SI-SDRi", "95 %", "median", "SDR", "SIR", "SAR", "mixes", "videos", "silent")


def render(metrics: Mapping[str, Any], footer: Mapping[str, Any]) -> str:
    """Align one block for each kind of mix, in it one line for each estimator.

    Args:
        metrics: From `stages.reporting.gathering.metrics`; ratios are dB.
        footer: What the numbers depend on, by name.

    Returns:
        The table with a line that explains its columns and one that holds `footer`; ends in a newline.
    """
    blocks = [[(kind, *_COLUMNS), *_lines(metrics, kind)] for kind in _kinds(metrics)]
    widths = [max(len(cell) for cell in column) for column in zip(*(line for b in blocks for line in b), strict=True)]
    rule = "-" * (sum(widths) + 2 * (len(widths) - 1))
    bodies = ["\n".join((_align(head, widths), rule, *(_align(line, widths) for line in b))) for head, *b in blocks]
    settings = ", ".join(f"{name} {value}" for name, value in footer.items())
    return "\n".join([*(f"{body}\n{rule}" for body in bodies), _LEGEND, settings, ""])


_LEGEND = (
    "Means in dB over (mix, source) rows. SI-SDRi: gain over the mixture; 95 %: its bootstrap interval over source\n"
    "videos; median: its median. silent: estimates without sound, counted at the floor of -100 dB. The SAR of mixture\n"
    "and constant_mask means nothing: they add no artifacts, and ratios are capped at 100 dB."
)


def _kinds(metrics: Mapping[str, Any]) -> list[str]:
    return sorted({kind for by_kind in metrics["baselines"].values() for kind in by_kind})


def _lines(metrics: Mapping[str, Any], kind: str) -> Iterator[tuple[str, ...]]:
    for estimator, by_kind in _estimators(metrics):
        if kind in by_kind:
            yield _line(estimator, by_kind[kind])


def _estimators(metrics: Mapping[str, Any]) -> Iterator[tuple[str, ByKind]]:
    """Each model before its controls, then baselines and oracles."""
    for model, controls in metrics["controls"].items():
        yield model, metrics[model]
        yield from ((f"{model}:{name}", value) for name, value in controls.items() if isinstance(value, dict))
    yield from metrics["baselines"].items()


def _line(estimator: str, summary: Summary) -> tuple[str, ...]:
    low, high = summary["si_sdri_low"], summary["si_sdri_high"]
    interval = "-" if low is None else f"{_ratio(low)} to {_ratio(high)}"
    ratios = {name: _ratio(summary[name]) for name in ("si_sdr", "si_sdri", "si_sdri_median", "sdr", "sir", "sar")}
    counts = [str(summary[name]) for name in ("n", "n_videos", "silent_estimates")]
    front = (estimator, ratios["si_sdr"], ratios["si_sdri"], interval, ratios["si_sdri_median"])
    return (*front, ratios["sdr"], ratios["sir"], ratios["sar"], *counts)


def _ratio(value_db: float | None) -> str:
    return "-" if value_db is None else f"{round(value_db, 2) + 0.0:.2f}"  # + 0.0 turns -0.0 into 0.0


def _align(line: tuple[str, ...], widths: list[int]) -> str:
    """Names on the left, numbers on the right."""
    name, *numbers = line
    return "  ".join([name.ljust(widths[0]), *(n.rjust(w) for n, w in zip(numbers, widths[1:], strict=True))]).rstrip()
