"""Scores mixture, constant and ideal masks on the fixed mixes."""

from stages import layout
from stages.metrics.baselines import Baselines
from stages.metrics.scores import group, score_mixes
from stages.metrics.summary import summarise
from stages.params import Evaluate, Spectrogram
from stages.shards.files import write_json
from stages.shards.reader import ClipReader
from stages.shards.schema import MixSource
from stages.shards.tables import read_rows, write_columns


def run(spectrogram: Spectrogram, evaluate: Evaluate) -> None:
    """Score what needs no training -> data/evaluate/baselines: scores.parquet, metrics.json."""
    folder = layout.evaluation("baselines")
    mixes = group(read_rows(layout.MIXES, MixSource), "test")
    columns = score_mixes(mixes, ClipReader(), Baselines(spectrogram), taps=evaluate.filter_taps, label="baselines")
    write_columns(folder / "scores.parquet", columns)
    summary = summarise(columns, resamples=evaluate.bootstrap_resamples, seed=evaluate.bootstrap_seed)
    write_json(folder / "metrics.json", summary)
