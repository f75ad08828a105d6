"""Scores a registered version on the mixes of this workspace, so that old and new stand on equal ground."""

from pathlib import Path

from stages import layout
from stages.compute.pool import open_pool
from stages.metrics.scorer import Scorer
from stages.metrics.scores import collect, evaluated
from stages.params import read
from stages.shards.files import sha256
from stages.shards.schema import MixSource
from stages.shards.tables import read_rows
from stages.tracking.server import connect
from stages.tracking.standing import keep_scores, scores_on
from stages.tracking.versions import find, separator_of


def report(address: str) -> int:
    """Score a version and keep the scores beside its run; the exit status."""
    try:
        client, params = connect(), read(layout.PARAMS)
        version, rows = find(client, address), read_rows(layout.MIXES, MixSource)
        mixes = sha256(layout.MIXES)
        if scores_on(client, version, mixes) is not None:
            print(f"{version.address}: was scored on mixes {mixes[:12]} before")
            return 0
        wanted = evaluated(rows)
        with separator_of(client, version) as folder, open_pool(len(wanted)) as pool:
            scorer = Scorer(version.model, folder, sha256(folder / "weights.safetensors"), Path.cwd(), params.evaluate)
            columns = collect(pool.map(scorer, wanted), total=len(wanted), label=f"rescore {version.address}")
        keep_scores(client, version, mixes, columns)
    except ValueError as error:
        print(f"rescore: {error}")
        return 1
    print(f"{version.address}: scored on mixes {mixes[:12]}")
    return 0
