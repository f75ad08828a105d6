"""Scores a stored model on a mix, in whatever process: the model is loaded once in each."""

from dataclasses import dataclass
from functools import cache
from pathlib import Path

from stages.metrics.scores import Mix, open_reader, score_mix
from stages.metrics.summary import Columns
from stages.metrics.vision import Vision
from stages.networks.separation import load
from stages.params import Evaluate


@dataclass(frozen=True)
class Scorer:
    """What a worker needs to score a model on one mix; `weights` tells models that lay in one folder apart."""

    name: str
    trained: Path
    weights: str
    decoded: Path
    evaluate: Evaluate

    def __call__(self, mix: Mix) -> Columns:
        """Columns of one mix."""
        return score_mix(mix, open_reader(self.decoded), _vision(self), taps=self.evaluate.filter_taps)


@cache
def _vision(scorer: Scorer) -> Vision:
    return Vision(scorer.name, load(scorer.trained), open_reader(scorer.decoded), mask=scorer.evaluate.mask)
