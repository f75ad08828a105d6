"""Draws docs/performances.png: many people of each instrument, some motion, duets. Run by hand.

python infra/contact_sheet.py docs/performances.png
"""

import sys
from itertools import islice
from pathlib import Path

import numpy as np
import skia
from numpy.typing import NDArray

from stages.params import Perform, read
from stages.performances.film import Take, cast, film, perform

SIDE_PX = 144
COLUMNS = 6
MOMENT_FRAMES = 30  # the frame that is shown of each take
PAIRS = (("trumpet", "violin"), ("acoustic_guitar", "xylophone"), ("violin", "xylophone"))

Picture = NDArray[np.uint8]


def main(path: Path) -> None:
    """Write the sheet."""
    params = read(Path("params.yaml")).perform
    rows = [
        np.concatenate([shot((name,), number, params) for number in range(COLUMNS)], 1) for name in params.instruments
    ]
    rows += [motion(name, params) for name in params.instruments]
    rows.append(np.concatenate([shot(pair, 0, params) for pair in PAIRS], 1))
    sheet = np.concatenate(rows, 0)
    opaque = np.full((*sheet.shape[:2], 1), 255, np.uint8)
    image = skia.Image.fromarray(np.concatenate([sheet, opaque], 2), colorType=skia.kRGBA_8888_ColorType)
    image.save(str(path), skia.kPNG)


def shot(instruments: tuple[str, ...], number: int, params: Perform) -> Picture:
    """One frame of a take."""
    take = Take(params.seed, "sheet", instruments, number, params.duration_s, params.frame_rate_hz, SIDE_PX)
    return filmed(take, MOMENT_FRAMES + 1)[-1]


def motion(instrument: str, params: Perform) -> Picture:
    """Every second frame around an onset of the last take shown above."""
    take = Take(params.seed, "sheet", (instrument,), COLUMNS - 1, params.duration_s, params.frame_rate_hz, SIDE_PX)
    onset = round(perform(take).notes[0][2].start_s * params.frame_rate_hz)
    return np.concatenate(filmed(take, onset + 2 * COLUMNS)[onset - 3 :: 2][:COLUMNS], 1)


def filmed(take: Take, count: int) -> list[Picture]:
    """The first frames of a take."""
    performance = perform(take)
    return list(islice(film(performance, cast(performance)), count))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
