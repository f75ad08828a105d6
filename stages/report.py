"""Gathers all scores into one table."""

import os
import platform
from dataclasses import asdict
from typing import Annotated, Any

from stages import layout
from stages.params import At, Evaluate
from stages.performances.version import short
from stages.reporting.gathering import BASELINES, agreement_by_phase, join, metrics
from stages.reporting.plots import plots
from stages.reporting.table import render
from stages.shards.files import read_json, replacing, write_json
from stages.shards.flow_origin import read_origin
from stages.shards.tables import read_columns, write_columns


def run(evaluate: Evaluate, builtin: Annotated[tuple[str, ...], At("index.builtin")]) -> None:
    """Join scores and curves -> reports: scores.parquet, metrics.json, table.txt, plots/; print the table."""
    folders = sorted(path.parent for path in layout.evaluation(BASELINES).parent.glob("*/scores.parquet"))
    scores = {folder.name: read_columns(folder / "scores.parquet") for folder in folders}
    columns, models = join(scores), sorted(set(scores) - {BASELINES})
    resamples, seed = evaluate.bootstrap_resamples, evaluate.bootstrap_seed
    corpus = short() if builtin else "none"
    origin = read_origin(layout.FLOW_ORIGIN)
    watched = {model: read_json(layout.model(model) / "model.json").get("agreement", []) for model in models}
    agreement = agreement_by_phase(watched, resamples=resamples, seed=seed)
    about = {"agreement": agreement, "flow": None if origin is None else asdict(origin), "corpus": corpus}
    content: dict[str, Any] = metrics(columns, models, resamples=resamples, seed=seed) | about
    footer = {
        "masks": evaluate.mask,
        "filter taps": evaluate.filter_taps,
        "bootstrap resamples": resamples,
        "seed": seed,
        "silent references left out": content["counts"]["silent_references"],
        "corpus": corpus,
    }
    table = f"flow: {origin or 'none was estimated'}\n\n{render(content, footer)}"
    write_columns(layout.SCORES, columns)
    write_json(layout.METRICS, content)
    curves = {model: read_json(layout.model(model) / "curves.json")["validation"] for model in models}
    for name, points in plots(content, columns, curves).items():
        write_json(layout.PLOTS / f"{name}.json", points)
    with replacing(layout.TABLE) as temporary:
        temporary.write_text(table, encoding="utf-8")
    # Not in the file: it is the same on every machine.
    print(f"{table}machine: {platform.platform()}, {os.cpu_count()} cores, Python {platform.python_version()}")
