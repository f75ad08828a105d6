"""Scores a stored model on a mix, in whatever process: the model is loaded once in each."""

from dataclasses import dataclass
from functools import cache
from pathlib import Path

from stages import layout
from stages.metrics.scores import Mix, open_reader, score_mix
from stages.metrics.summary import Columns
from stages.metrics.vision import Vision
from stages.networks.motion_fields import open_motion
from stages.networks.separation import load
from stages.params import Evaluate


@dataclass(frozen=True)
class Scorer:
    """What a worker needs to score a model on one mix; `weights` tells models that lay in one folder apart."""

    name: str
    trained: Path
    weights: str
    root: Path  # of the workspace whose clips are mixed; absolute, since a worker runs in another folder
    evaluate: Evaluate

    def __call__(self, mix: Mix) -> Columns:
        """Columns of one mix."""
        return score_mix(mix, open_reader(self.root / layout.DECODE), _vision(self), taps=self.evaluate.filter_taps)


@cache
def _vision(scorer: Scorer) -> Vision:
    separator, reader = load(scorer.trained), open_reader(scorer.root / layout.DECODE)
    windows = open_motion(separator.model, separator.clip, scorer.root)
    return Vision(scorer.name, separator, reader, windows, mask=scorer.evaluate.mask)
