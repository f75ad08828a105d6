"""Scores estimates of the fixed mixes: one row for each mix, source and estimator.

Axes: N sources of a mix, S samples, E estimators.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import groupby

import numpy as np
import torch
from torch import Tensor

from stages.audio.mixing import mix as mean_of
from stages.metrics.bss import FLOOR_DB, DelaySpace, Floats, si_sdr, silent
from stages.metrics.summary import METRICS, Columns
from stages.progress import progress
from stages.shards.reader import ClipReader
from stages.shards.schema import MixSource, Split

CEILING_DB = 100.0  # 16-bit sound spans 98 dB: above this a ratio measures rounding (the mixture's SAR, say)
_DECIMALS = 6  # beyond what the number of threads can change in a sum
_LABELS = ("mix_id", "kind", "source", "clip_id", "video_id", "label")


@dataclass(frozen=True, slots=True)
class Mix:
    """A fixed mix; its sources in order."""

    mix_id: str
    kind: str
    sources: tuple[MixSource, ...]


Estimator = Callable[[Mix, Tensor], dict[str, Tensor]]  # sources (N, S) -> estimates (N, S) by estimator's name


def group(rows: Sequence[MixSource], split: Split) -> list[Mix]:
    """A split's mixes, from rows in which a mix's sources stand together and in order."""
    grouped = groupby((row for row in rows if row.split == split), key=lambda row: (row.mix_id, row.kind))
    return [Mix(mix_id, kind, tuple(sources)) for (mix_id, kind), sources in grouped]


def score_mixes(mixes: Sequence[Mix], reader: ClipReader, estimate: Estimator, *, taps: int, label: str) -> Columns:
    """Estimate and score every mix.

    Args:
        mixes: Fixed mixes.
        reader: Decoded clips, which hold all of them.
        estimate: Gives estimates of any number of estimators for a mix.
        taps: Length of the filters that SDR, SIR and SAR forgive.
        label: What the progress shows.

    Returns:
        Tidy columns: mix_id, kind, source, clip_id, video_id, label, estimator, si_sdri, si_sdr, sdr, sir, sar,
        silent_estimate. Ratios are dB within [FLOOR_DB, CEILING_DB]; None where the reference is silent; FLOOR_DB where
        the estimate is silent or not finite, which `silent_estimate` marks.
    """
    columns: Columns = {name: [] for name in (*_LABELS, "estimator", *METRICS, "silent_estimate")}
    with progress(label, total=len(mixes), unit="mixes") as meter:
        for mix in mixes:
            sources = load_sources(mix, reader)
            estimates = estimate(mix, sources)
            ratios = score(sources, torch.stack(list(estimates.values())), taps=taps)
            _append(columns, mix, list(estimates), ratios)
            meter.advance()
    return columns


def load_sources(mix: Mix, reader: ClipReader) -> Tensor:
    """Waveforms of a mix's sources, (N, S), cut to the shortest."""
    waveforms = [torch.from_numpy(reader.audio(source.clip_id)) for source in mix.sources]
    num_samples = min(len(waveform) for waveform in waveforms)
    return torch.stack([waveform[:num_samples] for waveform in waveforms])


def score(sources: Tensor, estimates: Tensor, *, taps: int) -> dict[str, Floats]:
    """METRICS, each (E, N) in dB within [FLOOR_DB, CEILING_DB], and silent_estimate, (E, N) of 0 and 1.

    Args:
        sources: True waveforms, (N, S); NaN is scored where one is silent.
        estimates: (E, N, S).
        taps: Length of the filters that SDR, SIR and SAR forgive.
    """
    references, guesses = sources.double().numpy(), estimates.double().numpy()
    before = _bounded(si_sdr(sources, mean_of(sources).expand_as(sources)).numpy())
    after = _bounded(si_sdr(sources.expand_as(estimates), estimates).numpy())
    ratios = {name: _bounded(values) for name, values in DelaySpace(references, taps).score(guesses).items()}
    silence = silent(guesses).astype(np.float64)
    return {"si_sdri": after - before, "si_sdr": after, **ratios, "silent_estimate": silence}


def _bounded(ratios_db: Floats) -> Floats:
    return np.clip(ratios_db, FLOOR_DB, CEILING_DB).round(_DECIMALS)


def _append(columns: Columns, mix: Mix, estimators: Sequence[str], ratios: dict[str, Floats]) -> None:
    for position, estimator in enumerate(estimators):
        for source in mix.sources:
            for name in _LABELS:
                columns[name].append(getattr(source, name))
            columns["estimator"].append(estimator)
            for name in METRICS:
                value = round(float(ratios[name][position, source.source]), _DECIMALS)
                columns[name].append(None if np.isnan(value) else value)
            columns["silent_estimate"].append(bool(ratios["silent_estimate"][position, source.source]))
