"""How well the fixed validation mixes are taken apart, by which the best weights are chosen."""

import math
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from stages.audio.mixing import mix
from stages.curricula import Rule
from stages.metrics.bss import FLOOR_DB, si_sdr
from stages.networks.separation import Separator
from stages.networks.sight import MotionWindows, central
from stages.separators import Appearance
from stages.shards.schema import MixSource
from stages.training.batches import Media, read_waveform
from stages.training.curriculum import Pool, draw
from stages.training.interrupt import Stop
from stages.training.seeding import generator

_TRIES = 20  # for each mix that is wanted: a small split may have no more


@dataclass(frozen=True, slots=True)
class ValidationMix:
    """One mix, read once."""

    sources: Tensor  # (N, S)
    frames: Tensor  # (N, P, 3, H, W)
    motion: Tensor | None = None  # (N, C, V, X, X), where the model sees motion


def validation_mixes(rows: Sequence[MixSource]) -> tuple[tuple[str, ...], ...]:
    """Clip ids of each validation mix, in the order of its sources."""
    mixes: defaultdict[str, list[MixSource]] = defaultdict(list)
    for row in rows:
        if row.split == "validation":
            mixes[row.mix_id].append(row)
    ordered = (sorted(mixes[mix_id], key=lambda row: row.source) for mix_id in sorted(mixes))
    return tuple(tuple(row.clip_id for row in sources) for sources in ordered)


def read_mixes(
    media: Media,
    mixes: Sequence[Sequence[str]],
    appearance: Appearance,
    num_samples: int,
    windows: MotionWindows | None = None,
) -> list[ValidationMix]:
    """Waveforms without gains, and the middle frames; `windows`: where a model sees motion, if it does."""
    return [
        ValidationMix(
            torch.stack([read_waveform(media, clip_id, num_samples) for clip_id in clip_ids]),
            *central(media, clip_ids, appearance, windows),
        )
        for clip_ids in mixes
    ]


def drawn_mixes(pool: Pool, rule: Rule, num_sources: int, *, count: int, seed: int) -> tuple[tuple[str, ...], ...]:
    """Clip ids of up to `count` different mixes by a rule, a pure function of its arguments.

    Raises:
        NothingToDraw: There is none.
    """
    found: dict[frozenset[str], tuple[str, ...]] = {}
    for attempt in range(_TRIES * count):
        if len(found) == count:
            break
        ids = tuple(draw(pool, rule, num_sources, generator(seed, "validation", rule, attempt)))
        found.setdefault(frozenset(ids), ids)
    return tuple(found.values())


def mean_over_rules(separator: Separator, mixes: Mapping[Rule, Sequence[ValidationMix]], stop: Stop) -> float | None:
    """Mean of `mean_si_sdr` over the rules that have something to score; None as there."""
    means = [mean_si_sdr(separator, of_rule, stop) for of_rule in mixes.values()]
    known = [mean for mean in means if mean is not None]
    return sum(known) / len(known) if known and not stop.requested else None


def mean_si_sdr(separator: Separator, mixes: Sequence[ValidationMix], stop: Stop) -> float | None:
    """Mean over all sources of all mixes with soft masks, dB; None with nothing to score or once `stop` is requested.

    Silent references are left out; a perfect estimate counts as 100 dB so that one cannot hide all others.
    """
    scores: list[Tensor] = []
    for mixture in mixes:
        if stop.requested:
            return None
        motion = None if mixture.motion is None else mixture.motion[None]
        estimates = separator.separate(mix(mixture.sources)[None], mixture.frames[None], motion, mask="soft")[0]
        scores.append(si_sdr(mixture.sources, estimates).clamp_max(-FLOOR_DB))
    mean = torch.cat(scores).nanmean().item() if scores else math.nan
    return mean if math.isfinite(mean) else None
