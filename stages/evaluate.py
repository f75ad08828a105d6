"""Scores one model on the fixed mixes."""

from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Annotated

from stages import layout
from stages.compute.pool import open_pool
from stages.metrics.scores import Mix, collect, evaluated, open_reader, score_mix
from stages.metrics.summary import Columns, summarise
from stages.metrics.vision import Vision
from stages.networks.motion_fields import open_motion
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


@dataclass(frozen=True)
class Scorer:
    """What a worker needs to score a model on one mix; `weights` tells models that lay in one folder apart."""

    name: str
    trained: Path
    weights: str
    root: Path  # of the workspace
    evaluate: Evaluate

    def __call__(self, mix: Mix) -> Columns:
        """Columns of one mix."""
        return score_mix(mix, open_reader(self.root / layout.DECODE), _vision(self), taps=self.evaluate.filter_taps)


@cache
def _vision(scorer: Scorer) -> Vision:
    separator, reader = load(scorer.trained), open_reader(scorer.root / layout.DECODE)
    windows = open_motion(separator.model, separator.clip, scorer.root)
    return Vision(scorer.name, separator, reader, windows, mask=scorer.evaluate.mask)


def _check_same(name: str, separator: Separator, **sections: Clip | Spectrogram | Model) -> None:
    """A model scored under another geometry than it was trained with would look bad for no reason."""
    changed = [section for section, value in sections.items() if getattr(separator, section) != value]
    if changed:
        raise ValueError(
            f"{layout.model(name)}: was trained with another {' and '.join(changed)} than params.yaml says now; "
            f"run `dvc repro train@{name}`"
        )
