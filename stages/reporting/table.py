"""The table of scores: models, controls, baselines and oracles under one another: no number stands alone.

Then the models by instrument, and by the threshold of their masks.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from stages.metrics.summary import BEST_ORDER, ByKind, Summary

_COLUMNS = ("SI-SDR", "SI-SDRi", "95 %", "median", "SDR", "SIR", "SAR", "match", "mixes", "videos", "silent")
_AGREEMENT_COLUMNS = ("step", "own", "95 %", "other", "over other", "95 %", "gain", "95 %", "clips", "videos")
_SWEPT_COLUMNS = ("SI-SDR", "95 %", "SDR", "95 %", "mixes")


def render(metrics: Mapping[str, Any], footer: Mapping[str, Any]) -> str:
    """Align one block for each kind of mix, in it one line for each estimator.

    Args:
        metrics: From `stages.reporting.gathering.metrics`; ratios are dB.
        footer: What the numbers depend on, by name.

    Returns:
        The table with a line that explains its columns and one that holds `footer`; ends in a newline.
    """
    kinds = _kinds(metrics)
    blocks = [[(kind, *_COLUMNS), *_lines(metrics, kind)] for kind in kinds]
    blocks += [[(f"{kind} by label", *_COLUMNS), *_label_lines(metrics, kind)] for kind in kinds]
    swept = [[(f"{kind} by threshold", *_SWEPT_COLUMNS), *_swept_lines(metrics, kind)] for kind in kinds]
    watched = [[("heard where seen", *_AGREEMENT_COLUMNS), *_agreement_lines(metrics)]]
    settings = ", ".join(f"{name} {value}" for name, value in footer.items())
    return "\n".join([*_aligned(blocks), *_aligned(swept), *_aligned(watched), _LEGEND, settings, ""])


_LEGEND = (
    "Means in dB over (mix, source) rows. SI-SDRi: gain over the mixture; 95 %: its bootstrap interval over source\n"
    "videos; median: its median. match: share of sounds that their own picture's estimate fits better than any other\n"
    "picture's; chance is one over the number of sources. silent: estimates without sound, counted at the floor of\n"
    "-100 dB. The SAR of mixture and constant_mask means nothing: they add no artifacts, and ratios are capped at 100\n"
    f"dB. {' and '.join(BEST_ORDER)} see no picture: their outputs stand in the order that suits the truth best, so\n"
    "their scores are upper bounds and their match means nothing. A gate gives each moment one gain from the truth:\n"
    "who is above it chooses frequencies. heard where seen: rank correlation, over cells, of volume with the\n"
    "likelihood of coinciding onsets, of the own sound and of another's, on held-out clips; gain: over the untrained\n"
    "network."
)

_Line = tuple[str, ...]


def _aligned(blocks: Sequence[Sequence[_Line]]) -> Iterator[str]:
    """Blocks, each a header and its lines, under columns of one width; a header alone is left out."""
    filled = [block for block in blocks if len(block) > 1]
    if not filled:
        return
    widths = [max(len(cell) for cell in column) for column in zip(*(line for b in filled for line in b), strict=True)]
    rule = "-" * (sum(widths) + 2 * (len(widths) - 1))
    for head, *lines in filled:
        yield "\n".join((_align(head, widths), rule, *(_align(line, widths) for line in lines), rule))


def _kinds(metrics: Mapping[str, Any]) -> list[str]:
    return sorted({kind for by_kind in metrics["baselines"].values() for kind in by_kind})


def _lines(metrics: Mapping[str, Any], kind: str) -> Iterator[_Line]:
    for estimator, by_kind in _estimators(metrics):
        if kind in by_kind:
            yield _line(estimator, by_kind[kind])


def _label_lines(metrics: Mapping[str, Any], kind: str) -> Iterator[_Line]:
    for model, by_kind in metrics["labels"].items():
        for label, summary in by_kind.get(kind, {}).items():
            yield _line(f"{model}, {label}", summary)


def _swept_lines(metrics: Mapping[str, Any], kind: str) -> Iterator[_Line]:
    for model, by_kind in metrics["thresholds"].items():
        for threshold, swept in by_kind.get(kind, {}).items():
            intervals = [_interval(swept[f"{name}_low"], swept[f"{name}_high"]) for name in ("si_sdr", "sdr")]
            ratios = [_ratio(swept[name]) for name in ("si_sdr", "sdr")]
            yield (f"{model}, {threshold}", ratios[0], intervals[0], ratios[1], intervals[1], str(swept["n"]))


def _agreement_lines(metrics: Mapping[str, Any]) -> Iterator[_Line]:
    for model, phases in metrics.get("agreement", {}).items():
        for phase, found in phases.items():
            means = {name: _ratio(found[name]) for name in ("own", "other", "over_other", "gain")}
            ends = {name: _interval(found[f"{name}_low"], found[f"{name}_high"]) for name in means}
            front = (f"{model}, {phase}", str(found["step"]), means["own"], ends["own"], means["other"])
            differences = (means["over_other"], ends["over_other"], means["gain"], ends["gain"])
            yield (*front, *differences, str(found["n"]), str(found["n_videos"]))


def _estimators(metrics: Mapping[str, Any]) -> Iterator[tuple[str, ByKind]]:
    """Each model before its controls, then baselines and oracles."""
    for model, controls in metrics["controls"].items():
        yield model, metrics[model]
        yield from ((f"{model}:{name}", value) for name, value in controls.items() if isinstance(value, dict))
    yield from metrics["baselines"].items()


def _line(estimator: str, summary: Summary) -> _Line:
    interval = _interval(summary["si_sdri_low"], summary["si_sdri_high"])
    ratios = {name: _ratio(summary[name]) for name in ("si_sdr", "si_sdri", "si_sdri_median", "sdr", "sir", "sar")}
    counts = [str(summary[name]) for name in ("n", "n_videos", "silent_estimates")]
    front = (estimator, ratios["si_sdr"], ratios["si_sdri"], interval, ratios["si_sdri_median"])
    match = "-" if summary["matched"] is None else f"{100 * summary['matched']:.0f} %"
    return (*front, ratios["sdr"], ratios["sir"], ratios["sar"], match, *counts)


def _interval(low_db: float | None, high_db: float | None) -> str:
    return "-" if low_db is None else f"{_ratio(low_db)} to {_ratio(high_db)}"


def _ratio(value_db: float | None) -> str:
    return "-" if value_db is None else f"{round(value_db, 2) + 0.0:.2f}"  # + 0.0 turns -0.0 into 0.0


def _align(line: _Line, widths: list[int]) -> str:
    """Names on the left, numbers on the right."""
    name, *numbers = line
    return "  ".join([name.ljust(widths[0]), *(n.rjust(w) for n, w in zip(numbers, widths[1:], strict=True))]).rstrip()
