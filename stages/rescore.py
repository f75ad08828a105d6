"""Scores a registered version on the mixes of this workspace, so that old and new stand on equal ground."""

import os
import sys
from collections.abc import Sequence
from pathlib import Path

from stages import layout
from stages.compute.pool import open_pool
from stages.metrics.scorer import Scorer
from stages.metrics.scores import Mix, collect, evaluated
from stages.metrics.summary import Columns
from stages.networks.separation import load
from stages.params import Clip, Evaluate, read
from stages.shards.files import sha256
from stages.shards.reader import ClipReader
from stages.shards.schema import MixSource
from stages.shards.tables import read_rows
from stages.tracking.runs import answers
from stages.tracking.server import Client, connect, reason
from stages.tracking.standing import keep_scores, scores_on
from stages.tracking.versions import Version, find, separator_of


def report(address: str, *, again: bool) -> int:
    """Score a version and keep the scores beside its run; the exit status.

    Returns:
        1: this version can't be scored here, now or later; os.EX_TEMPFAIL (75): MLflow is away, try again.
    """
    try:
        client, evaluate = connect(), read(layout.PARAMS).evaluate
        version, mixes = find(client, address), sha256(layout.MIXES)
        if not again and scores_on(client, version, mixes, evaluate.mask) is not None:
            print(f"{version.address}: was scored on mixes {mixes[:12]} before")
            return 0
        keep_scores(client, version, mixes, _score(client, version, evaluate), evaluate.mask)
    except Exception as error:  # a foreign or damaged version may raise anything: it is this one's failure alone
        if os.environ.get("PIXELS_TRACEBACK"):
            raise
        print(f"rescore {address}: {type(error).__name__}: {reason(error)}", file=sys.stderr)
        return 1 if answers(layout.tracking_uri()) else os.EX_TEMPFAIL
    print(f"{version.address}: scored on mixes {mixes[:12]}")
    return 0


def _score(client: Client, version: Version, evaluate: Evaluate) -> Columns:
    wanted = evaluated(read_rows(layout.MIXES, MixSource))
    with separator_of(client, version) as folder:
        _check_rates(version, load(folder).clip, wanted)
        scorer = Scorer(version.model, folder, sha256(folder / "weights.safetensors"), Path.cwd(), evaluate)
        with open_pool(len(wanted)) as pool:
            return collect(pool.map(scorer, wanted), total=len(wanted), label=f"rescore {version.address}")


def _check_rates(version: Version, clip: Clip, wanted: Sequence[Mix]) -> None:
    """Clips of other rates would make a version look bad for no reason."""
    reader = ClipReader()
    about = reader.about(wanted[0].sources[0].clip_id)
    rates = {"sample_rate_hz": clip.sample_rate_hz, "frame_rate_hz": clip.frame_rate_hz}
    if differing := {name: rate for name, rate in rates.items() if about[name] != str(rate)}:
        found = ", ".join(f"{name} {about[name]}, expected {rate}" for name, rate in differing.items())
        raise ValueError(
            f"{version.address}: decoded clips have {found} as it was trained with; score it where clips have these"
        )
