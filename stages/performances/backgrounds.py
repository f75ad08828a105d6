"""Still backgrounds, drawn once a video without knowing the instrument. Units: 100 are the picture's height."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import skia

from stages.performances.sketch import Colour, argb, blob, box, oval, polygon, polyline, shade

MARGIN = 14.0  # painted beyond the picture's edges, for the camera to drift over

_WALLS: tuple[Colour, ...] = (
    (206, 196, 178), (150, 172, 184), (120, 144, 122), (190, 140, 120), (88, 98, 124), (222, 214, 206),
    (98, 74, 70), (58, 70, 78), (168, 150, 186), (204, 178, 112),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Canvas:
    """Where a background is painted."""

    surface: skia.Canvas
    width: float  # units, margin included
    height: float

    def fill(self, path: skia.Path, colour: Colour, alpha: float = 1.0) -> None:
        """Fill with one colour."""
        self.surface.drawPath(path, skia.Paint(AntiAlias=True, Color=argb(colour, alpha)))

    def fade(self, path: skia.Path, top: Colour, bottom: Colour, *, sideways: bool = False) -> None:
        """Fill with a gradient over the path's box."""
        area = path.getBounds()
        end = (area.right(), area.top()) if sideways else (area.left(), area.bottom())
        points = [skia.Point(area.left(), area.top()), skia.Point(*end)]
        shader = skia.GradientShader.MakeLinear(points=points, colors=[argb(top), argb(bottom)])
        self.surface.drawPath(path, skia.Paint(AntiAlias=True, Shader=shader))

    def everywhere(self) -> skia.Path:
        """The whole canvas."""
        return box(0, 0, self.width, self.height)


def paint(canvas: Canvas, generator: np.random.Generator) -> None:
    """One of the backgrounds, with colours and furniture of its own."""
    wall = _WALLS[int(generator.integers(len(_WALLS)))]
    BACKGROUNDS[int(generator.integers(len(BACKGROUNDS)))](canvas, wall, generator)


def _room(canvas: Canvas, wall: Colour, generator: np.random.Generator) -> None:
    canvas.fade(canvas.everywhere(), shade(wall, 1.15), shade(wall, 0.8))
    for _ in range(int(generator.integers(1, 4))):
        x, y = float(generator.uniform(0, canvas.width - 20)), float(generator.uniform(6, 40))
        wide, high = generator.uniform(14, 30, 2)
        inner = _WALLS[int(generator.integers(len(_WALLS)))]
        canvas.fill(box(x + 1, y + 1.4, x + wide + 1, y + high + 1.4), (0, 0, 0), 0.25)
        canvas.fill(box(x, y, x + wide, y + high), shade(inner, 0.4))
        canvas.fade(box(x + 1.6, y + 1.6, x + wide - 1.6, y + high - 1.6), inner, shade(inner, 1.5))
    canvas.fill(box(0, 88, canvas.width, 90.5), shade(wall, 0.62))
    canvas.fade(box(0, 90.5, canvas.width, canvas.height), shade(wall, 0.7), shade(wall, 0.5))


def _curtain(canvas: Canvas, wall: Colour, generator: np.random.Generator) -> None:
    canvas.fill(canvas.everywhere(), wall)
    x = float(generator.uniform(-6, 0))
    while x < canvas.width:
        wide = float(generator.uniform(5, 11))
        canvas.fade(box(x, 0, x + wide * 0.55, canvas.height), shade(wall, 1.2), shade(wall, 0.8), sideways=True)
        canvas.fade(box(x + wide * 0.5, 0, x + wide, canvas.height), shade(wall, 0.6), shade(wall, 1.15), sideways=True)
        x += wide


def _bricks(canvas: Canvas, wall: Colour, generator: np.random.Generator) -> None:
    canvas.fill(canvas.everywhere(), shade(wall, 0.6))
    high = float(generator.uniform(5, 8))
    for row in range(int(canvas.height / high) + 1):
        offset = -high if row % 2 else 0.0
        for column in range(int(canvas.width / (2 * high)) + 2):
            x, y = offset + column * 2 * high, row * high
            tone = shade(wall, float(generator.uniform(0.85, 1.12)))
            canvas.fill(box(x + 0.4, y + 0.4, x + 2 * high - 0.4, y + high - 0.4, 0.5), tone)


def _window(canvas: Canvas, wall: Colour, generator: np.random.Generator) -> None:
    canvas.fade(canvas.everywhere(), shade(wall, 1.1), shade(wall, 0.75))
    x = float(generator.uniform(8, canvas.width - 70))
    sky: Colour = (120 + int(generator.integers(80)), 180, 230)
    canvas.fill(box(x - 2, 6, x + 62, 84), (246, 244, 238))
    canvas.fade(box(x, 8, x + 60, 82), sky, (244, 236, 214))
    for _ in range(3):
        canvas.fill(
            oval(x + float(generator.uniform(8, 52)), float(generator.uniform(14, 34)), 8, 3), (255, 255, 255), 0.8
        )
    hill = blob([(x, 82), (x, 66), (x + 18, 58), (x + 40, 66), (x + 60, 60), (x + 60, 82)])
    canvas.surface.save()
    canvas.surface.clipPath(box(x, 8, x + 60, 82), True)
    canvas.fill(hill, (104, 146, 92))
    canvas.surface.restore()
    canvas.fill(box(x + 29, 8, x + 31, 82), (246, 244, 238))
    canvas.fill(box(x, 43, x + 60, 45), (246, 244, 238))


def _shelves(canvas: Canvas, wall: Colour, generator: np.random.Generator) -> None:
    canvas.fill(canvas.everywhere(), shade(wall, 0.42))
    for shelf in range(5):
        bottom = 26.0 * (shelf + 1)
        x = float(generator.uniform(0, 3))
        while x < canvas.width:
            wide, high = float(generator.uniform(2.2, 5.5)), float(generator.uniform(13, 21))
            book = shade(_WALLS[int(generator.integers(len(_WALLS)))], float(generator.uniform(0.6, 1.1)))
            if generator.random() < 0.88:
                canvas.fade(
                    box(x, bottom - high, x + wide - 0.3, bottom), shade(book, 1.1), shade(book, 0.7), sideways=True
                )
                canvas.fill(box(x + 0.6, bottom - high + 3, x + wide - 0.9, bottom - high + 4.2), (240, 224, 180), 0.6)
            x += wide
        canvas.fade(box(0, bottom, canvas.width, bottom + 2.6), shade(wall, 0.85), shade(wall, 0.55))


def _park(canvas: Canvas, wall: Colour, generator: np.random.Generator) -> None:
    canvas.fade(box(0, 0, canvas.width, 72), (150, 196, 236), (232, 238, 226))
    for x in np.arange(-5.0, canvas.width + 10, 13):
        y, size = 58 + float(generator.uniform(-6, 6)), float(generator.uniform(11, 19))
        green: Colour = (60 + int(generator.integers(50)), 110 + int(generator.integers(50)), 60)
        canvas.fill(box(float(x) - 1.2, y, float(x) + 1.2, y + 22), (92, 68, 50))
        canvas.fill(oval(float(x), y - size * 0.5, size * 0.75, size), green)
        canvas.fill(oval(float(x) - 3, y - size * 0.8, size * 0.4, size * 0.5), shade(green, 1.15))
    canvas.fade(box(0, 70, canvas.width, canvas.height), (128, 168, 84), shade(wall, 0.7))


def _stage(canvas: Canvas, wall: Colour, generator: np.random.Generator) -> None:
    canvas.fade(canvas.everywhere(), shade(wall, 0.22), shade(wall, 0.45))
    for _ in range(int(generator.integers(2, 5))):
        top, foot = float(generator.uniform(0, canvas.width)), float(generator.uniform(0, canvas.width))
        beam = polygon((top - 1, 0), (top + 1, 0), (foot + 16, canvas.height), (foot - 16, canvas.height))
        canvas.fill(beam, shade(wall, 1.5), 0.16)
    for _ in range(int(generator.integers(8, 22))):
        x, y = float(generator.uniform(0, canvas.width)), float(generator.uniform(0, canvas.height))
        lamp = _WALLS[int(generator.integers(len(_WALLS)))]
        canvas.fill(oval(x, y, *(2 * [float(generator.uniform(1.5, 5))])), shade(lamp, 1.3), 0.28)


def _paper(canvas: Canvas, wall: Colour, generator: np.random.Generator) -> None:
    canvas.fade(canvas.everywhere(), shade(wall, 1.2), shade(wall, 0.85))
    step, slope = float(generator.uniform(7, 15)), float(generator.uniform(-0.8, 0.8))
    paint = skia.Paint(
        AntiAlias=True, Color=argb(shade(wall, 0.8)), Style=skia.Paint.kStroke_Style, StrokeWidth=step * 0.3
    )
    for x in np.arange(-canvas.height, canvas.width + canvas.height, step):
        canvas.surface.drawPath(polyline((float(x), 0), (float(x) + slope * canvas.height, canvas.height)), paint)


BACKGROUNDS: tuple[Callable[[Canvas, Colour, np.random.Generator], None], ...] = (
    _room,
    _curtain,
    _bricks,
    _window,
    _shelves,
    _park,
    _stage,
    _paper,
)
