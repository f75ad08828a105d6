"""A registered version before the gate: held against the champion of its model, on equal ground or not at all."""

from dataclasses import replace

from stages.metrics.gate import Contestant, Verdict, judge, undecided
from stages.metrics.pairing import rows_of
from stages.metrics.summary import SWAPPED, Columns, select
from stages.params import Gate
from stages.tracking.registry import RegistryError
from stages.tracking.server import Client
from stages.tracking.standing import scores_on
from stages.tracking.versions import CHAMPION, ROLLED_BACK, Version, annotate, describe, find_alias, measured

# What decides a score beside model, mixes and mask, as MLflow's params name it.
_GROUND = ("clip.duration_s", "clip.sample_rate_hz")
_MASK = "evaluate.mask"


def assess(client: Client, version: Version, gate: Gate) -> Verdict:
    """Judge a version and write verdict, reasons and figures on it and on its run.

    The champion itself keeps the verdict that made it one.
    """
    champion = find_alias(client, version.model, CHAMPION)
    if champion is not None and champion.number == version.number:
        return Verdict("inconclusive", ("it is the champion already",))
    verdict = _judge(client, version, champion, gate)
    if since := version.tags.get(ROLLED_BACK):
        verdict = replace(verdict, outcome="rejected", reasons=(f"was rolled back at {since}", *verdict.reasons))
    held_against = "none" if champion is None else champion.address
    annotate(client, version, {**verdict.tags(), "held_against": held_against})
    reasons = "\n".join(f"* {reason}" for reason in verdict.reasons)
    describe(client, version, f"**{verdict.outcome}**, held against {held_against}\n\n{reasons}\n")
    return verdict


def _judge(client: Client, version: Version, champion: Version | None, gate: Gate) -> Verdict:
    mixes = version.tags["mixes"]
    columns = scores_on(client, version, mixes)
    if columns is None:
        raise RegistryError(f"{version.address}: holds no scores on the mixes that it names; register it again")
    metrics = measured(client, version)
    contestant = Contestant(
        rows_of(columns, version.model, None), _swapped(columns, version.model), metrics.latency_ms, metrics.size_bytes
    )
    if champion is None:
        return judge(contestant, None, gate)
    mask = metrics.params.get(_MASK)
    theirs = scores_on(client, champion, mixes, mask)
    if theirs is None:
        return undecided(
            contestant,
            f"the champion {champion.address} was not scored on mixes {mixes[:12]} with {mask} masks; `python -m "
            f"stages rescore {champion.address}` where these are the present ones, then judge again",
            gate,
        )
    ours, others = metrics.params, measured(client, champion).params
    if differing := [name for name in _GROUND if ours.get(name) != others.get(name)]:
        found = ", ".join(f"{name} {ours.get(name)} against {others.get(name)}" for name in differing)
        reason = f"the champion {champion.address} was scored otherwise: {found}; train it with the same params"
        return undecided(contestant, reason, gate)
    return judge(contestant, rows_of(theirs, champion.model, None), gate)


def _swapped(columns: Columns, model: str) -> Columns:
    """Rows with the partner's pictures; none where they were not scored, which the gate then says."""
    name = f"{model}:{SWAPPED}"
    return rows_of(columns, name, None) if name in columns["estimator"] else select(columns, [])
