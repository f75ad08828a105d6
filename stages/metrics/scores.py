"""Scores estimates of the fixed mixes: one row for each mix, source and estimator.

Axes: N sources of a mix, S samples, E estimators.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import groupby
from pathlib import Path
from typing import Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from stages.audio.mixing import mix as mean_of
from stages.metrics.bss import FLOOR_DB, DelaySpace, Floats, si_sdr, silent
from stages.metrics.summary import METRICS, THRESHOLD, Columns
from stages.progress import progress
from stages.shards.reader import ClipReader
from stages.shards.schema import MixSource

CEILING_DB = 100.0  # 16-bit sound spans 98 dB: above this a ratio measures rounding (the mixture's SAR, say)
_MIDDLE = f"{THRESHOLD}0.5"
_DECIMALS = 6  # beyond what the number of threads can change in a sum
_LABELS = ("mix_id", "kind", "source", "clip_id", "video_id", "label")
_BSS = ("sdr", "sir", "sar")


@dataclass(frozen=True, slots=True)
class Mix:
    """A fixed mix; its sources in order."""

    mix_id: str
    kind: str
    sources: tuple[MixSource, ...]


Estimator = Callable[[Mix, Tensor], dict[str, Tensor]]  # sources (N, S) -> estimates (N, S) by estimator's name


class Sound(Protocol):
    """Where waveforms are read from."""

    def audio(self, clip_id: str) -> NDArray[np.float32]:
        """Mono waveform, (S,)."""
        ...


@cache
def open_reader(folder: Path) -> ClipReader:
    """The reader of a decoded folder, opened once in each process."""
    return ClipReader(folder)


def evaluated(rows: Sequence[MixSource]) -> list[Mix]:
    """All mixes but those of validation, from rows in which a mix's sources stand together and in order."""
    grouped = groupby((row for row in rows if row.split != "validation"), key=lambda row: (row.mix_id, row.kind))
    return [Mix(mix_id, kind, tuple(sources)) for (mix_id, kind), sources in grouped]


def score_mix(mix: Mix, reader: Sound, estimate: Estimator, *, taps: int) -> Columns:
    """Estimate and score one mix.

    Args:
        mix: A fixed mix.
        reader: Decoded clips, which hold its sources.
        estimate: Gives estimates of any number of estimators for a mix.
        taps: Length of the filters that SDR, SIR and SAR forgive.

    Returns:
        Tidy columns: mix_id, kind, source, clip_id, video_id, label, estimator, si_sdri, si_sdr, sdr, sir, sar,
        matched, silent_estimate. Ratios are dB within [FLOOR_DB, CEILING_DB]; None where the reference is silent;
        FLOOR_DB where the estimate is silent or not finite, which `silent_estimate` marks. SDR, SIR and SAR are None
        for masks of a threshold other than one half, of which only SI-SDR is wanted.
    """
    columns: Columns = {name: [] for name in (*_LABELS, "estimator", *METRICS, "silent_estimate")}
    sources = load_sources(mix, reader)
    estimates = estimate(mix, sources)
    for names, with_bss in _halves(estimates):
        ratios = score(sources, torch.stack([estimates[name] for name in names]), taps=taps if with_bss else None)
        _append(columns, mix, names, ratios)
    return columns


def collect(results: Iterable[tuple[int, Columns]], *, total: int, label: str) -> Columns:
    """One table, in the order of the mixes, from (position, columns) of each mix in any order."""
    parts: dict[int, Columns] = {}
    with progress(label, total=total, unit="mixes") as meter:
        for position, columns in results:
            parts[position] = columns
            meter.advance()
    names = (*_LABELS, "estimator", *METRICS, "silent_estimate")
    return {name: [value for position in sorted(parts) for value in parts[position][name]] for name in names}


def load_sources(mix: Mix, reader: Sound) -> Tensor:
    """Waveforms of a mix's sources, (N, S), cut to the shortest."""
    waveforms = [torch.from_numpy(reader.audio(source.clip_id)) for source in mix.sources]
    num_samples = min(len(waveform) for waveform in waveforms)
    return torch.stack([waveform[:num_samples] for waveform in waveforms])


def score(sources: Tensor, estimates: Tensor, *, taps: int | None) -> dict[str, Floats]:
    """METRICS and silent_estimate (0 or 1), each (E, N); ratios in dB within [FLOOR_DB, CEILING_DB].

    Args:
        sources: True waveforms, (N, S); NaN is scored where one is silent.
        estimates: (E, N, S).
        taps: Length of the filters that SDR, SIR and SAR forgive; None leaves these three NaN.
    """
    references, guesses = sources.double().numpy(), estimates.double().numpy()
    before = _bounded(si_sdr(sources, mean_of(sources).expand_as(sources)).numpy())
    crossed = _bounded(si_sdr(sources[None, :, None], estimates[:, None]).numpy())
    after = np.diagonal(crossed, axis1=1, axis2=2)
    ratios = {name: np.full(after.shape, np.nan) for name in _BSS}
    if taps is not None:
        ratios = {name: _bounded(values) for name, values in DelaySpace(references, taps).score(guesses).items()}
    silence = silent(guesses).astype(np.float64)
    gains = {"si_sdri": after - before, "si_sdr": after}
    return {**gains, **ratios, "matched": matched(crossed), "silent_estimate": silence}


def matched(si_sdr_db: Floats) -> Floats:
    """Whether a sound is found by its own picture.

    Args:
        si_sdr_db: Of every sound (second axis) and every picture's estimate (last axis), (E, N, N).

    Returns:
        (E, N): 1 where the sound's own picture gives the best estimate of it, 1 / k where k pictures share the best, so
        that equal estimates for all pictures score chance, 1 / N; else 0. NaN where the sound is silent.
    """
    best = si_sdr_db == si_sdr_db.max(axis=-1, keepdims=True)
    share = np.diagonal(best, axis1=1, axis2=2) / np.maximum(best.sum(axis=-1), 1)
    return np.where(np.isnan(si_sdr_db[..., 0]), np.nan, share)


def _halves(estimators: Iterable[str]) -> list[tuple[list[str], bool]]:
    """Estimators that get all ratios, then those that get SI-SDR alone; with whether they get all."""
    swept = [name for name in estimators if f":{THRESHOLD}" in name and not name.endswith(f":{_MIDDLE}")]
    halves = [([name for name in estimators if name not in swept], True), (swept, False)]
    return [half for half in halves if half[0]]


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
