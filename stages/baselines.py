"""Scores mixture, constant mask, separation without pictures and ideal masks on the fixed mixes."""

from dataclasses import dataclass
from functools import cache
from pathlib import Path

from stages import layout
from stages.compute.pool import open_pool
from stages.metrics.baselines import Baselines
from stages.metrics.scores import Mix, collect, evaluated, open_reader, score_mix
from stages.metrics.summary import Columns, summarise
from stages.params import Clip, Evaluate, Spectrogram
from stages.shards.files import write_json
from stages.shards.schema import MixSource
from stages.shards.tables import read_rows, write_columns


def run(clip: Clip, spectrogram: Spectrogram, evaluate: Evaluate) -> None:
    """Score what needs no training, mixes side by side -> data/evaluate/baselines: scores.parquet, metrics.json."""
    folder = layout.evaluation("baselines")
    mixes = evaluated(read_rows(layout.MIXES, MixSource))
    scorer = Scorer(layout.DECODE.resolve(), spectrogram, clip.sample_rate_hz, evaluate.filter_taps)
    with open_pool() as pool:
        columns = collect(pool.map(scorer, mixes), total=len(mixes), label="baselines")
    write_columns(folder / "scores.parquet", columns)
    summary = summarise(columns, resamples=evaluate.bootstrap_resamples, seed=evaluate.bootstrap_seed)
    write_json(folder / "metrics.json", summary)


@dataclass(frozen=True)
class Scorer:
    """What a worker needs to score the baselines on one mix."""

    decoded: Path
    spectrogram: Spectrogram
    sample_rate_hz: int
    filter_taps: int

    def __call__(self, mix: Mix) -> Columns:
        """Columns of one mix."""
        return score_mix(mix, open_reader(self.decoded), _baselines(self), taps=self.filter_taps)


@cache
def _baselines(scorer: Scorer) -> Baselines:
    return Baselines(scorer.spectrogram, sample_rate_hz=scorer.sample_rate_hz)
