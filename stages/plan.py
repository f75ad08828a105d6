"""What a run would do, take and why, before anything runs: `make plan`."""

import json
from dataclasses import asdict, dataclass

from rich.console import Console
from rich.table import Table

from stages import layout
from stages.params import Params, ParamsError, read
from stages.planning.cost import Corpus, Cost, corpus, estimate, rendered
from stages.planning.staleness import StageState, states

_SHOWN_REASONS = 3


@dataclass(frozen=True)
class Row:
    """One stage of the plan; `last_s` is how long it took when it last ran in this workspace."""

    state: StageState
    cost: Cost
    last_s: float | None


def report(*, as_json: bool) -> int:
    """Print the plan; returns the exit status."""
    try:
        params = read(layout.PARAMS)
    except ParamsError as error:
        print(f"plan: {error}")
        return 1
    rows = [_row(state, params) for state in states()]
    if as_json:
        print(json.dumps([asdict(row) for row in rows], indent=2))
    else:
        Console().print(_corpus(corpus(params), params), highlight=False)
        Console().print(_table(rows))
        Console().print(_total(rows), highlight=False)
    return 0


def _row(state: StageState, params: Params) -> Row:
    stage, _, item = state.name.partition("@")
    return Row(state, estimate(stage, item or None, params), _last_s(state.name))


def _last_s(name: str) -> float | None:
    path = layout.runtime(name)
    return float(json.loads(path.read_text(encoding="utf-8"))["seconds"]) if path.exists() else None


def _corpus(videos: Corpus, params: Params) -> str:
    own = f"{videos.num_videos} videos, about {videos.duration_s / 60:.0f} min, {_gigabytes(videos.num_bytes)} GB"
    arrivals = rendered(params)
    origin = f" (rendered: {', '.join(arrivals)})" if arrivals else ""
    return f"{params.index.videos}: {own}{origin}\n"


def _table(rows: list[Row]) -> Table:
    table = Table(box=None, pad_edge=False)
    table.add_column("stage")
    for column in ("clips", "GB", "time", "last here"):
        table.add_column(column, justify="right")
    table.add_column("why", overflow="fold")
    for row in rows:
        table.add_row(row.state.name, *_work(row), duration(row.last_s), why(row.state.reasons))
    return table


def _work(row: Row) -> tuple[str, str, str]:
    if not row.state.reasons:
        return "", "", "-"
    return str(row.cost.clips or ""), _gigabytes(row.cost.written_bytes), duration(row.cost.duration_s)


def why(reasons: tuple[str, ...]) -> str:
    """The first few reasons, and how many more there are."""
    if not reasons:
        return "up to date"
    more = f" and {len(reasons) - _SHOWN_REASONS} more" if len(reasons) > _SHOWN_REASONS else ""
    return "; ".join(reasons[:_SHOWN_REASONS]) + more


def _total(rows: list[Row]) -> str:
    costs = [row.cost for row in rows if row.state.reasons]
    if not costs:
        return "\nEverything is up to date: `make run` would do nothing."
    size = _gigabytes(sum(cost.written_bytes for cost in costs))
    time = duration(sum(cost.duration_s for cost in costs))
    return f"\n{len(costs)} of {len(rows)} stages would run: about {time} and {size} GB, estimated for 2 cores."


def _gigabytes(num_bytes: int) -> str:
    return f"{num_bytes / 1e9:.2f}"


def duration(seconds: float | None) -> str:
    """`75` -> `1:15`; nothing for None."""
    if seconds is None:
        return ""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"
