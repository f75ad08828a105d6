"""Scores one model on the fixed mixes."""

from pathlib import Path
from typing import Annotated

from stages import layout
from stages.compute.pool import open_pool
from stages.metrics.scorer import Scorer
from stages.metrics.scores import collect, evaluated
from stages.metrics.summary import summarise
from stages.networks.separation import Separator, load
from stages.params import At, Clip, Evaluate, Spectrogram
from stages.separators import Model
from stages.shards.files import sha256, write_json
from stages.shards.schema import MixSource
from stages.shards.tables import read_rows, write_columns


def run(
    name: str, clip: Clip, spectrogram: Spectrogram, model: Annotated[Model, At("models.{item}")], evaluate: Evaluate
) -> None:
    """Score a model and its controls, mixes side by side -> data/evaluate/<name>: scores.parquet, metrics.json."""
    trained, folder = layout.model(name).resolve(), layout.evaluation(name)
    _check_same(name, load(trained), clip=clip, spectrogram=spectrogram, model=model)
    mixes = evaluated(read_rows(layout.MIXES, MixSource))
    weights = sha256(trained / "weights.safetensors")
    scorer = Scorer(name, trained, weights, Path.cwd(), evaluate)
    with open_pool(len(mixes)) as pool:
        columns = collect(pool.map(scorer, mixes), total=len(mixes), label=f"evaluate {name}")
    write_columns(folder / "scores.parquet", columns)
    summary = summarise(columns, resamples=evaluate.bootstrap_resamples, seed=evaluate.bootstrap_seed)
    write_json(folder / "metrics.json", summary)


def _check_same(name: str, separator: Separator, **sections: Clip | Spectrogram | Model) -> None:
    """A model scored under another geometry than it was trained with would look bad for no reason."""
    changed = [section for section, value in sections.items() if getattr(separator, section) != value]
    if changed:
        raise ValueError(
            f"{layout.model(name)}: was trained with another {' and '.join(changed)} than params.yaml says now; "
            f"run `dvc repro train@{name}`"
        )
