"""The gate: is a challenger truly better than the champion, and sound enough to take its place?

It looks at nothing but scores of the very same mixes and at what a version costs to run; it promotes nothing itself.
"""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from stages.metrics.pairing import PairingError, pair
from stages.metrics.shared_mixes import Mean, estimate, members
from stages.metrics.summary import Columns, select
from stages.params import Gate

Outcome = Literal["promote", "rejected", "inconclusive"]

_POWER = 0.8


@dataclass(frozen=True, slots=True)
class Contestant:
    """What is known of one version."""

    rows: Columns  # its scores of all kinds of mixes
    swapped: Columns  # the same with the partner's pictures
    latency_ms: float  # of separating one mix
    size_bytes: int  # of its weights


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the gate says, why, and on what it rests.

    `mean_db`: SI-SDR of the challenger minus the champion's; with no champion, its gain over the mixture. `low_db` and
    `high_db` are one-sided bounds. `power`: how often a true gain of `gate.effect_db` would have been seen.
    `more_videos`: how many would be needed beside those at hand to see it in 80 % of all cases.
    """

    outcome: Outcome
    reasons: tuple[str, ...]
    mean_db: float | None = None
    low_db: float | None = None
    high_db: float | None = None
    power: float | None = None
    more_videos: int | None = None
    num_videos: int | None = None

    def tags(self) -> dict[str, str]:
        """For a registry: texts, numbers with three decimals."""
        figures = {
            "difference_db": self.mean_db,
            "difference_low_db": self.low_db,
            "difference_high_db": self.high_db,
            "power": self.power,
        }
        counts = {"videos": self.num_videos, "more_videos": self.more_videos}
        return {
            "verdict": self.outcome,
            "reasons": "; ".join(self.reasons),
            **{name: "none" if value is None else f"{value:.3f}" for name, value in figures.items()},
            **{name: "none" if value is None else str(value) for name, value in counts.items()},
        }


def judge(challenger: Contestant, champion: Columns | None, gate: Gate) -> Verdict:
    """Let a challenger through, or say what stands against it, or that these videos can't tell.

    Args:
        challenger: The version that would take the champion's place.
        champion: Its rows of the same mixes; None where there is none yet: the mixture itself is then to be beaten.
        gate: Section `register.gate`.
    """
    ours = _of_kinds(challenger.rows, gate)
    try:
        first, second = pair(ours, _mixture(ours) if champion is None else _of_kinds(champion, gate))
    except PairingError as error:
        return undecided(challenger, str(error), gate)
    faults, videos_of = _faults(challenger, gate), members(ours)
    gain = np.subtract(first["si_sdr"], second["si_sdr"])
    if champion is not None:
        faults = (*faults, *_losses(gain, first, videos_of, gate))
    found = _weigh(estimate(gain, first, videos_of), gate)
    doubts = tuple(_doubts(challenger, gate))
    outcome = "rejected" if faults else "inconclusive" if doubts and found.outcome == "promote" else found.outcome
    return replace(found, outcome=outcome, reasons=(*faults, *doubts, *found.reasons))


def undecided(challenger: Contestant, reason: str, gate: Gate) -> Verdict:
    """The verdict where there is no equal ground: a version that is barred anyway is rejected all the same."""
    faults = _faults(challenger, gate)
    return Verdict("rejected" if faults else "inconclusive", (*faults, reason))


def _weigh(mean: Mean | None, gate: Gate) -> Verdict:
    """What the difference alone says."""
    if mean is None or mean.num_videos < gate.min_videos:
        num_videos = 0 if mean is None else mean.num_videos
        few = f"{num_videos} source videos that say something, at least {gate.min_videos} are needed"
        return Verdict("inconclusive", (few,), num_videos=num_videos)
    low_db, high_db = mean.lower_db(gate.confidence), mean.upper_db(gate.confidence)
    more_videos = _more_videos(mean, gate)
    about = f"{mean.mean_db:+.2f} dB, one-sided bounds {low_db:+.2f} and {high_db:+.2f}"
    if low_db > 0:
        outcome, why = "promote", f"surely better: {about}"
    elif high_db < gate.effect_db:
        outcome, why = "rejected", f"surely not better by {gate.effect_db:g} dB: {about}"
    else:
        wish = f"{more_videos} more videos would show {gate.effect_db:g} dB"
        outcome, why = "inconclusive", f"cannot be told: {about}; {wish}"
    return Verdict(
        outcome,
        (why,),
        mean_db=mean.mean_db,
        low_db=low_db,
        high_db=high_db,
        power=mean.power(gate.effect_db, confidence=gate.confidence),
        more_videos=more_videos,
        num_videos=mean.num_videos,
    )


def _more_videos(mean: Mean, gate: Gate) -> int:
    """Videos beyond those at hand, the error falling with the root of their number."""
    wanted_db = mean.error_to_show_db(gate.effect_db, confidence=gate.confidence, power=_POWER)
    return max(0, math.ceil(mean.num_videos * (mean.error_db / wanted_db) ** 2) - mean.num_videos)


def _faults(challenger: Contestant, gate: Gate) -> tuple[str, ...]:
    """What bars a version whatever it is held against."""
    return (*_silence(challenger.rows, gate), *_blindness(challenger, gate), *_cost(challenger, gate))


def _silence(rows: Columns, gate: Gate) -> Iterator[str]:
    scored = [
        silent for silent, value in zip(rows["silent_estimate"], rows["si_sdr"], strict=True) if value is not None
    ]
    share = sum(scored) / len(scored) if scored else 1.0
    if share > gate.max_silent_share:
        yield f"{share:.1%} of its estimates are silent or no numbers, at most {gate.max_silent_share:.1%} may be"


def _blindness(challenger: Contestant, gate: Gate) -> Iterator[str]:
    """Shown the partner's pictures, a separator that looks must collapse; here where it surely does not."""
    drop = _drop(challenger, gate)
    if isinstance(drop, Mean) and (upper_db := drop.upper_db(gate.confidence)) < gate.min_swap_drop_db:
        fall = f"{drop.mean_db:.2f} dB, upper bound {upper_db:.2f}"
        yield f"it does not look: swapped vision costs {fall}, on {gate.swap_kind}, {gate.min_swap_drop_db:g} is needed"


def _doubts(challenger: Contestant, gate: Gate) -> Iterator[str]:
    """A control that is not surely passed: enough to promote nobody, not enough to reject."""
    drop = _drop(challenger, gate)
    if not isinstance(drop, Mean):
        yield f"swapped vision cannot be judged on {gate.swap_kind}: {drop}"
    elif drop.lower_db(gate.confidence) < gate.min_swap_drop_db <= drop.upper_db(gate.confidence):
        fall = f"{drop.mean_db:.2f} dB, lower bound {drop.lower_db(gate.confidence):.2f}"
        yield f"whether it looks cannot be told: swapped vision costs {fall}, {gate.min_swap_drop_db:g} is needed"


def _drop(challenger: Contestant, gate: Gate) -> Mean | str:
    """What swapped vision costs, or why nobody can say."""
    own, swapped = (_of_kind(rows, gate.swap_kind) for rows in (challenger.rows, challenger.swapped))
    videos_of = members(own)
    try:
        own, swapped = pair(own, swapped)
    except PairingError as error:
        return str(error)
    drop = estimate(np.subtract(own["si_sdr"], swapped["si_sdr"]), own, videos_of)
    return "too few videos, or all mixes share them" if drop is None else drop


def _cost(challenger: Contestant, gate: Gate) -> Iterator[str]:
    if challenger.latency_ms > gate.max_latency_ms:
        yield f"separating a mix takes {challenger.latency_ms:.0f} ms, at most {gate.max_latency_ms:g} may be"
    if challenger.size_bytes > gate.max_size_bytes:
        yield f"its weights have {challenger.size_bytes} bytes, at most {gate.max_size_bytes} may be"


def _losses(gain: np.ndarray, rows: Columns, videos_of: Mapping[str, frozenset[str]], gate: Gate) -> Iterator[str]:
    """Instruments that surely suffer, whatever the others gain."""
    for label in sorted({label for label in rows["label"] if label is not None}):
        chosen = [row for row, name in enumerate(rows["label"]) if name == label]
        part = select(rows, chosen)
        if len(set(part["video_id"])) < gate.instrument_min_videos:
            continue
        change = estimate(gain[chosen], part, videos_of)
        if change is not None and (upper_db := change.upper_db(gate.confidence)) < -gate.instrument_loss_db:
            yield f"{label} is surely worse: {change.mean_db:+.2f} dB, upper bound {upper_db:+.2f}"


def _mixture(rows: Columns) -> Columns:
    """What the mixture itself scores: an estimate less its gain."""
    pairs = zip(rows["si_sdr"], rows["si_sdri"], strict=True)
    return rows | {"si_sdr": [None if None in (after, gain) else after - gain for after, gain in pairs]}


def _of_kinds(rows: Columns, gate: Gate) -> Columns:
    return select(rows, [row for row, kind in enumerate(rows["kind"]) if kind in gate.kinds])


def _of_kind(rows: Columns, kind: str) -> Columns:
    return select(rows, [row for row, name in enumerate(rows["kind"]) if name == kind])
