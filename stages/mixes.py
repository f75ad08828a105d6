"""Draws the fixed mixes on which models are compared."""

from dataclasses import replace

from stages import layout
from stages.metrics.drawing import Draw, draw, usable
from stages.params import Mixes
from stages.shards.schema import DecodedClip, MixSource, Split
from stages.shards.tables import read_rows, write_rows

_SPLITS: tuple[Split, ...] = ("validation", "test")


def run(mixes: Mixes) -> None:
    """Draw validation and test mixes from decoded, sounding clips -> mixes.parquet, one row a mix and source."""
    clips = read_rows(layout.DECODED_CLIPS, DecodedClip)
    draws = [drawn for split in _SPLITS for drawn in _draw_split(clips, split, mixes)]
    for drawn in draws:
        short = "" if len(drawn.mixes) == drawn.asked else f" of {drawn.asked} asked: no other clips can be combined"
        print(f"mixes: {drawn.split} {drawn.kind}: {len(drawn.mixes)}{short}")
    write_rows(layout.MIXES, [row for drawn in draws for row in drawn.rows()], MixSource)


def _draw_split(clips: list[DecodedClip], split: Split, mixes: Mixes) -> list[Draw]:
    """Mixes of one split. Validation chooses the weights that are kept, so it, like training, must not see labels."""
    wanted = mixes.test
    if split == "validation":
        wanted, clips = mixes.validation, [replace(clip, label=None) for clip in clips]
    fit = usable(clips, split=split, min_rms_db=mixes.min_rms_db)
    return [draw(fit, split=split, kind=kind, count=wanted[kind], seed=mixes.seed) for kind in sorted(wanted)]
