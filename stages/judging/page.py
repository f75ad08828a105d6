"""A comparison, or many versions, as one HTML file that needs nothing else: no script, no network, sounds inside."""

from base64 import b64encode
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape

from stages.judging.comparison import Comparison, KindRow
from stages.judging.listening import Heard

_TEMPLATES = Path(__file__).parent / "templates"
_WIDTH_PX, _MARGIN_PX, _LEAST_REACH_DB = 240, 5, 0.5


def render(comparison: Comparison, heard: Sequence[Heard], silent_because: str | None) -> str:
    """The page.

    Args:
        comparison: What it tells.
        heard: Mixes to listen to, by their id one of `comparison.apart`.
        silent_because: Why there is nothing to listen to, if there is nothing.
    """
    return (
        _environment()
        .get_template("compare.html")
        .render(
            found=comparison,
            bars=[_bar(row, _reach_db(comparison)) for row in comparison.kinds],
            width_px=_WIDTH_PX,
            heard={mix.mix_id: mix for mix in heard},
            silent_because=silent_because,
        )
    )


def render_standings(rows: Sequence[dict[str, Any]], *, mixes: str, mask: str) -> str:
    """A table of versions on one ground, each as `stages.judging.standings.as_json` tells it."""
    ends = [s[end] for row in rows for s in row["scores"][:1] for end in ("low_db", "high_db") if s[end] is not None]
    low_db, high_db = min(ends, default=0.0), max(ends, default=0.0)
    reach_db = max(_LEAST_REACH_DB, high_db - low_db)

    def place_px(value_db: float) -> float:
        return round(_MARGIN_PX + (value_db - low_db) / reach_db * (_WIDTH_PX - 2 * _MARGIN_PX), 1)

    return (
        _environment()
        .get_template("standings.html")
        .render(
            rows=rows,
            kinds=list(dict.fromkeys(score["kind"] for row in rows for score in row["scores"])),
            mixes=mixes,
            mask=mask,
            width_px=_WIDTH_PX,
            place_px=place_px,
        )
    )


def _environment() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(_TEMPLATES),
        autoescape=select_autoescape(),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["audio"] = _audio
    return environment


def _audio(flac: bytes) -> str:
    return f"data:audio/flac;base64,{b64encode(flac).decode()}"


def _reach_db(comparison: Comparison) -> float:
    """How far the scale of differences goes to either side."""
    ends = [end for row in comparison.kinds for end in (row.low_db, row.high_db, row.difference_db) if end is not None]
    return max(_LEAST_REACH_DB, *(abs(end) * 1.1 for end in ends))


def _bar(row: KindRow, reach_db: float) -> dict[str, float]:
    """Where interval and mean lie, px from the left."""

    def place_px(value_db: float) -> float:
        return round((value_db / reach_db + 1) / 2 * _WIDTH_PX, 1)

    low_db = row.difference_db if row.low_db is None else row.low_db
    high_db = row.difference_db if row.high_db is None else row.high_db
    return {"low": place_px(low_db), "mean": place_px(row.difference_db), "high": place_px(high_db)}
