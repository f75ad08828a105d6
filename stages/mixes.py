"""Draws the fixed mixes on which models are compared."""

from dataclasses import replace
from typing import Literal

from stages import layout
from stages.metrics.drawing import Draw, check_any, draw, drawn_from, usable
from stages.params import Kind, Mixes
from stages.shards.schema import DecodedClip, MixSource
from stages.shards.tables import read_rows, write_rows

_Purpose = Literal["validation", "test"]  # mixes.<purpose> of params.yaml
_PURPOSES: tuple[_Purpose, ...] = ("validation", "test")


def run(mixes: Mixes) -> None:
    """Draw validation and test mixes from decoded, sounding clips -> mixes.parquet, one row a mix and source."""
    clips = read_rows(layout.DECODED_CLIPS, DecodedClip)
    draws = [drawn for purpose in _PURPOSES for drawn in _draw_all(clips, purpose, mixes)]
    for drawn in draws:
        short = f" of {drawn.asked} asked: {drawn.shortage}" if drawn.shortage else ""
        print(f"mixes: {drawn.split} {drawn.kind}: {len(drawn.mixes)}{short}")
    write_rows(layout.MIXES, [row for drawn in draws for row in drawn.rows()], MixSource)


def _draw_all(clips: list[DecodedClip], purpose: _Purpose, mixes: Mixes) -> list[Draw]:
    """Mixes of one purpose. Validation chooses the weights that are kept, so it, like training, must not see labels."""
    wanted = mixes.test
    if purpose == "validation":
        wanted, clips = mixes.validation, [replace(clip, label=None) for clip in clips]
    draws = [_draw(clips, purpose, kind, mixes) for kind in sorted(wanted)]
    check_any(draws, purpose)
    return draws


def _draw(clips: list[DecodedClip], purpose: _Purpose, kind: Kind, mixes: Mixes) -> Draw:
    split = drawn_from(kind, purpose)
    fit = usable(clips, split=split, min_rms_db=mixes.min_rms_db)
    count = (mixes.validation if purpose == "validation" else mixes.test)[kind]
    return draw(fit, split=split, kind=kind, count=count, seed=mixes.seed)
