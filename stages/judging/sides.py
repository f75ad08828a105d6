"""Registered versions as sides of a comparison: scores on common mixes, params, tags, and separators to listen to."""

from collections.abc import Iterator, Sequence

from stages.judging.comparison import Side
from stages.metrics.pairing import rows_of
from stages.tracking.registry import RegistryError
from stages.tracking.server import Client
from stages.tracking.standing import scores_on
from stages.tracking.versions import Version, measured

# Tags that say what a version was made of; all others follow from these or change by themselves.
_MADE_OF = (
    *("data", "mixes", "weights", "seed", "git_commit", "git_dirty", "dvc_lock", "flow", "flow_weights"),
    *("left_out", "licences", "non_commercial", "verdict"),
)


def common_mixes(client: Client, versions: Sequence[Version]) -> str:
    """Sha256 of mixes that all versions were scored on; `RegistryError` where there are none."""
    for mixes in dict.fromkeys(version.tags["mixes"] for version in versions):
        if all(scores_on(client, version, mixes) is not None for version in versions):
            return mixes
    said = ", ".join(f"{version.address} on {version.tags['mixes'][:12]}" for version in versions)
    raise RegistryError(
        f"not the same mixes: {said}; in a workspace that holds those of one, `python -m stages rescore` the other"
    )


def sides(client: Client, versions: Sequence[Version], mixes: str, kind: str | None) -> Iterator[Side]:
    """Each version with its scores on these mixes, of one kind or (None) of all."""
    for version in versions:
        columns = scores_on(client, version, mixes)
        if columns is None:
            raise RegistryError(f"{version.address}: was not scored on mixes {mixes[:12]}")
        rows = rows_of(columns, version.model, kind)
        tags = {name: version.tags.get(name, "none") for name in _MADE_OF}
        costs = measured(client, version)
        cost = {"latency_ms": f"{costs.latency_ms:.0f}", "size_bytes": str(costs.size_bytes)}
        yield Side(f"{version.model} {version.number}", rows, costs.params, tags | cost)
