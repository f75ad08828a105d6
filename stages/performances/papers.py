"""Backgrounds of the shifted style: printed papers, which no other video has. Units as in backgrounds.py."""

from collections.abc import Callable

import numpy as np

from stages.performances.backgrounds import Canvas
from stages.performances.sketch import Colour, box, oval, polygon, shade

_SHEETS: tuple[Colour, ...] = (
    (250, 244, 226), (226, 236, 244), (244, 226, 226), (228, 244, 230), (255, 226, 140), (150, 214, 222),
)  # fmt: skip


def paint_paper(canvas: Canvas, generator: np.random.Generator) -> None:
    """One of the papers, with colours and sizes of its own."""
    sheet = _SHEETS[int(generator.integers(len(_SHEETS)))]
    canvas.fill(canvas.everywhere(), sheet)
    PAPERS[int(generator.integers(len(PAPERS)))](canvas, sheet, generator)


def _ruled(canvas: Canvas, sheet: Colour, generator: np.random.Generator) -> None:
    step = float(generator.uniform(5, 10))
    for y in np.arange(step, canvas.height, step):
        canvas.fill(box(0, float(y), canvas.width, float(y) + 0.6), shade(sheet, 0.72))
    for x in np.arange(step, canvas.width, step) if generator.random() < 0.5 else ():
        canvas.fill(box(float(x), 0, float(x) + 0.6, canvas.height), shade(sheet, 0.72))


def _dots(canvas: Canvas, sheet: Colour, generator: np.random.Generator) -> None:
    step = float(generator.uniform(5, 9))
    for row, y in enumerate(np.arange(0, canvas.height + step, step)):
        for x in np.arange((row % 2) * step / 2, canvas.width + step, step):
            radius = step * (0.12 + 0.3 * float(y) / canvas.height)
            canvas.fill(oval(float(x), float(y), radius, radius), shade(sheet, 0.66))


def _rays(canvas: Canvas, sheet: Colour, generator: np.random.Generator) -> None:
    x, y = float(generator.uniform(0.2, 0.8)) * canvas.width, float(generator.uniform(0.3, 0.7)) * canvas.height
    count, reach = int(generator.integers(8, 18)), 2 * canvas.width
    for ray in range(count):
        low, high = (2 * np.pi * (ray + share) / count for share in (0.0, 0.5))
        ends = [(x + reach * float(np.cos(a)), y + reach * float(np.sin(a))) for a in (low, high)]
        canvas.fill(polygon((x, y), *ends), shade(sheet, 0.8))


def _checks(canvas: Canvas, sheet: Colour, generator: np.random.Generator) -> None:
    side = float(generator.uniform(9, 20))
    for row in range(int(canvas.height / side) + 1):
        for column in range(row % 2, int(canvas.width / side) + 1, 2):
            x, y = column * side, row * side
            canvas.fill(box(x, y, x + side, y + side), shade(sheet, 0.84))


PAPERS: tuple[Callable[[Canvas, Colour, np.random.Generator], None], ...] = (_ruled, _dots, _rays, _checks)
