"""Draws docs/performances.png: many people of each instrument, some motion, and what makes it hard. Run by hand.

python -m infra.contact_sheet docs/performances.png

Rows: solos of each instrument; frames around an onset of each; duets; twins; solos with a silent player in view;
distractors; the shifted way of drawing.
"""

import sys
from dataclasses import replace
from itertools import islice
from pathlib import Path

import numpy as np
import skia
from numpy.typing import NDArray

from stages.params import Perform, read
from stages.performances.film import cast, film, perform
from stages.performances.take import Staging, Take

SIDE_PX = 104
COLUMNS = 8
MOMENT_FRAMES = 30  # the frame that is shown of each take
PLAIN = Staging(shifted=False, silent=None, distracted=False, idle=0.0, offset_ms=0.0, jitter_ms=0.0)

Picture = NDArray[np.uint8]


def main(path: Path) -> None:
    """Write the sheet."""
    params = read(Path("params.yaml")).perform
    names = params.instruments
    solos = [[shot((name,), number, params) for number in range(COLUMNS)] for name in names]
    sheet = np.concatenate([join(row) for row in (*solos, *(motion(name, params) for name in names), *hard(params))], 0)
    opaque = np.full((*sheet.shape[:2], 1), 255, np.uint8)
    image = skia.Image.fromarray(np.concatenate([sheet, opaque], 2), colorType=skia.kRGBA_8888_ColorType)
    image.save(str(path), skia.kPNG)


def hard(params: Perform) -> list[list[Picture]]:
    """Rows of duets, twins, silent players, distractors, shifted solos and a shifted duet."""
    names = [params.instruments[i % len(params.instruments)] for i in range(COLUMNS + 1)]
    pairs, shifted = COLUMNS // 2, replace(PLAIN, shifted=True)
    return [
        [shot((names[2 * i], names[2 * i + 1]), 0, params) for i in range(pairs)],
        [shot((names[i], names[i]), 0, params) for i in range(pairs)],
        [shot((names[i],), 20 + i, params, replace(PLAIN, silent=names[i + 1])) for i in range(COLUMNS)],
        [shot((names[i],), 30 + i, params, replace(PLAIN, distracted=True)) for i in range(COLUMNS)],
        [shot((names[i],), 40 + i, params, shifted) for i in range(COLUMNS)],
        [shot((names[i], names[i + 1]), 40, params, shifted) for i in range(pairs)],
    ]


def join(row: list[Picture]) -> Picture:
    """Pictures side by side, cut to the sheet's width."""
    return np.concatenate(row, 1)[:, : COLUMNS * SIDE_PX]


def shot(instruments: tuple[str, ...], number: int, params: Perform, staging: Staging = PLAIN) -> Picture:
    """One frame of a take."""
    return filmed(take_of(instruments, number, params, staging), MOMENT_FRAMES + 1)[-1]


def take_of(instruments: tuple[str, ...], number: int, params: Perform, staging: Staging) -> Take:
    """A take of the sheet's own arrival."""
    return Take(
        seed=params.seed,
        arrival="sheet",
        instruments=instruments,
        number=number,
        staging=staging,
        duration_s=params.duration_s,
        frame_rate_hz=params.frame_rate_hz,
        side_px=SIDE_PX,
    )


def motion(instrument: str, params: Perform) -> list[Picture]:
    """Every second frame around an onset of the last take shown above."""
    take = take_of((instrument,), COLUMNS - 1, params, PLAIN)
    onset = round(perform(take).notes[0][2].start_s * params.frame_rate_hz)
    return filmed(take, onset + 2 * COLUMNS)[onset - 3 :: 2][:COLUMNS]


def filmed(take: Take, count: int) -> list[Picture]:
    """The first frames of a take."""
    performance = perform(take)
    return list(islice(film(performance, cast(performance)), count))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
