"""Draws what PWC-Net is taught from, and what it has learnt beside DIS and the truth. Run by hand.

python -m infra.flow_sheet pairs docs/flow-pairs.jpg
python -m infra.flow_sheet learnt docs/flow-learnt.jpg

The first shows made-up pairs, the second what the shipped weights of the preset lite make of performances.
"""

import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import skia
import torch
from torch import Tensor

from infra.flow_colours import colours
from infra.motion_sheet import INSTRUMENTS, Picture, image, liveliest, picture, rendered, save, write
from stages.motion.grid import expand
from stages.motion.opencv_flow import DisEstimator, refined
from stages.motion.pwcnet import estimate_flow
from stages.motion.synthetic import Pairs, draw_pairs
from stages.motion.textures import draw_textures
from stages.motion.warp import warp
from stages.motion.weights import load_shipped
from stages.params import read
from stages.teaching.curriculum import difficulty

LOOKS = (1, 2)
SEED, SCENES, SIDE_PX = 11, 6, 160
GAP_PX, HEAD_PX = 6, 28
PAPER = 0xFFFFFFFF
COVERED = np.array([40, 40, 40], np.uint8)

Row = Sequence[Picture]


def main(kind: str, path: Path) -> None:
    """Write one of the sheets."""
    sheets: dict[str, Callable[[], skia.Image]] = {"pairs": pairs_sheet, "learnt": learnt_sheet}
    save(path, sheets[kind]())


def pairs_sheet() -> skia.Image:
    """A row for each of some hard scenes."""
    random = torch.Generator().manual_seed(SEED)
    pairs = draw_pairs(draw_textures(40, random), difficulty(1.0, 0.5), SCENES, SIDE_PX, random)
    titles = ("first", "second", "second drawn back", "true flow", "the same, black: unseen")
    return sheet(titles, [pair_row(pairs, number) for number in range(SCENES)])


def pair_row(pairs: Pairs, number: int) -> Row:
    """Frames and truth of one pair."""
    back = warp(pairs.second[number : number + 1], pairs.flow[number : number + 1], 0.999)[0]
    flow = colours(pairs.flow[number].numpy(), full_of(pairs.flow[number]))
    visible = (pairs.seen & pairs.inside)[number, 0].numpy()
    frames = (picture(frame) for frame in (pairs.first[number], pairs.second[number], back))
    return [*frames, flow, np.where(visible[..., None], flow, COVERED)]


def learnt_sheet() -> skia.Image:
    """A row for each of some instruments."""
    params, net = read(Path("params.yaml")), load_shipped("lite")
    rows: list[Row] = []
    for instrument in INSTRUMENTS:
        stretch = liveliest(*rendered(instrument, params))
        assert stretch.truth is not None
        step = int(stretch.truth.norm(dim=1).mean(dim=(1, 2)).argmax())
        truth, pair = stretch.truth[step], (stretch.frames[step : step + 1], stretch.frames[step + 1 : step + 2])
        ours = (refined(estimate_flow(net, *pair, looks), *pair)[0] for looks in LOOKS)
        flows = truth, expand(DisEstimator()(*pair), *truth.shape[-2:])[0], *ours
        rows.append([picture(pair[0][0]), *(colours(flow.numpy(), full_of(truth)) for flow in flows)])
    titles = (f"PWC-Net lite, our weights, looks: {looks}, refined" for looks in LOOKS)
    return sheet(("frame", "true flow", "DIS, preset medium", *titles), rows)


def full_of(flow: Tensor) -> float:
    """Speed that is shown in the full colour: little is faster."""
    return max(1.0, float(flow.norm(dim=0).flatten().sort().values[int(0.997 * flow[0].numel())]))


def sheet(titles: Sequence[str], rows: Sequence[Row]) -> skia.Image:
    """Rows of pictures of one size below their titles."""
    height, width = rows[0][0].shape[:2]
    surface = skia.Surface(len(titles) * (width + GAP_PX) + GAP_PX, HEAD_PX + len(rows) * (height + GAP_PX))
    with surface as canvas:
        canvas.clear(PAPER)
        for column, title in enumerate(titles):
            left = GAP_PX + column * (width + GAP_PX)
            write(canvas, title, left, HEAD_PX - 10, size_px=11)
            for number, row in enumerate(rows):
                canvas.drawImage(image(np.ascontiguousarray(row[column])), left, HEAD_PX + number * (height + GAP_PX))
    return surface.makeImageSnapshot()


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
