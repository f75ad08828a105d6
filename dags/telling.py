"""What a finished run has to say, as Markdown: what was new, scores, verdicts, time, where to look."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

_SQLITE = "sqlite:///"
_LOCAL = "http://127.0.0.1:5000"  # where `mlflow ui` answers


@dataclass(frozen=True, slots=True)
class Told:
    """What the tasks of a run left."""

    arrival: Mapping[str, Any]  # of `arrive`
    admission: Mapping[str, Any]  # of `admit`
    metrics: Mapping[str, Any]  # reports/metrics.json
    versions: Mapping[str, Mapping[str, Any]]  # by model: of `history --json`
    outcomes: Mapping[str, str]  # by model: promoted, rejected, inconclusive; none where nobody asked
    duration_s: float


def summary(told: Told, tracking_uri: str) -> str:
    """The whole text; the first lines fit into a note."""
    parts = [_new(told), *(_model(told, name, tracking_uri) for name in sorted(told.versions)), _time(told)]
    return "\n\n".join(parts) + f"\n\n{how_to_look(tracking_uri)}\n"


def version_page(tracking_uri: str, model: str, version: str) -> str:
    """Address of a version in MLflow's page, without a user's name and password."""
    return f"{_page(tracking_uri)}/#/models/{model}/versions/{version}"


def run_page(tracking_uri: str, run_id: str) -> str:
    """Address of a run in MLflow's page."""
    return f"{_page(tracking_uri)}/#/runs/{run_id}"


def how_to_look(tracking_uri: str) -> str:
    """What makes these addresses answer."""
    if tracking_uri.startswith(_SQLITE):
        return f"Links answer while `mlflow ui --backend-store-uri {tracking_uri}` runs."
    return f"MLflow: {_page(tracking_uri)}"


def receipts(folder: Path) -> dict[str, dict[str, Any]]:
    """What `register` wrote for each model of a worktree or record."""
    return {path.stem: json.loads(path.read_text(encoding="utf-8")) for path in sorted(folder.glob("*.json"))}


def _page(tracking_uri: str) -> str:
    if tracking_uri.startswith(_SQLITE):
        return _LOCAL
    scheme, mark, rest = tracking_uri.partition("://")
    return (scheme + mark + rest.rpartition("@")[2]).rstrip("/")


def _new(told: Told) -> str:
    names, arrival = told.arrival.get("videos", []), told.arrival.get("arrival")
    moved = f"{len(names)} videos arrived in {arrival}" if names else "no video arrived"
    admission = told.admission
    if not admission:
        return f"**New**: {moved}"
    return f"**New**: {moved}; {admission['new']} of {admission['videos']} were not in the last good run"


def _model(told: Told, name: str, tracking_uri: str) -> str:
    version, outcome = told.versions[name], told.outcomes.get(name, "nobody asked to promote it")
    tags = version.get("tags", {})
    lines = [
        f"**{name} version {version['number']}**: {outcome} (verdict {tags.get('verdict', 'none')})",
        *(f"* {reason}" for reason in tags.get("reasons", "").split("; ") if reason),
        *_scores(told.metrics.get(name, {})),
        f"* version: {version_page(tracking_uri, name, version['number'])}",
        f"* run: {run_page(tracking_uri, version['run_id'])}",
    ]
    return "\n".join(lines)


def _scores(by_kind: Mapping[str, Mapping[str, Any]]) -> Sequence[str]:
    return [
        f"* {kind}: SI-SDR improved by {found['si_sdri']:.2f} dB{_interval(found)}, {found['n']} mixes"
        for kind, found in sorted(by_kind.items())
        if found.get("si_sdri") is not None
    ]


def _interval(found: Mapping[str, Any]) -> str:
    low, high = found.get("si_sdri_low"), found.get("si_sdri_high")
    return "" if low is None or high is None else f" [{low:.2f}, {high:.2f}]"


def _time(told: Told) -> str:
    minutes, seconds = divmod(round(told.duration_s), 60)
    hours, minutes = divmod(minutes, 60)
    return f"**Time**: {hours}:{minutes:02}:{seconds:02}"
