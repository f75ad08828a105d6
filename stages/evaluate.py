"""Scores one model on the fixed mixes."""

from typing import Annotated

from stages import layout
from stages.metrics.scores import group, score_mixes
from stages.metrics.summary import summarise
from stages.metrics.vision import Vision
from stages.networks.separation import Separator, load
from stages.params import At, Clip, Evaluate, Model, Spectrogram
from stages.shards.files import write_json
from stages.shards.reader import ClipReader
from stages.shards.schema import MixSource
from stages.shards.tables import read_rows, write_columns


def run(
    name: str,
    clip: Clip,
    spectrogram: Spectrogram,
    model: Annotated[Model, At("models.{item}")],
    evaluate: Evaluate,
) -> None:
    """Score a model and its swapped-vision control -> data/evaluate/<name>: scores.parquet, metrics.json."""
    separator, reader, folder = load(layout.model(name)), ClipReader(), layout.evaluation(name)
    _check_same(name, separator, clip=clip, spectrogram=spectrogram, model=model)
    mixes = group(read_rows(layout.MIXES, MixSource), "test")
    estimator = Vision(name, separator, reader, mask=evaluate.mask)
    columns = score_mixes(mixes, reader, estimator, taps=evaluate.filter_taps, label=f"evaluate {name}")
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
