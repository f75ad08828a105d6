"""Drawing one rigid part with skia: what is painted, and the outline that truth needs.

Coordinates are the part's own; 1 unit is about 1 cm of the scene, 100 units are the picture's height.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

import skia

Colour = tuple[int, int, int]
Point = tuple[float, float]
Role = Literal["body", "instrument", "distractor"]


@dataclass(frozen=True, slots=True)
class Part:
    """A rigid thing: it moves by one affine map a frame."""

    name: str
    role: Role
    picture: skia.Picture
    outlines: tuple[skia.Path, ...]  # their union is what the part covers


def shade(colour: Colour, factor: float) -> Colour:
    """Darker below 1, lighter above (2 is white)."""
    if factor <= 1:
        return (int(colour[0] * factor), int(colour[1] * factor), int(colour[2] * factor))
    return blend(colour, (255, 255, 255), factor - 1)


def blend(first: Colour, second: Colour, share: float) -> Colour:
    """The colour `share` of the way from the first to the second."""
    r, g, b = (int(a + (z - a) * share) for a, z in zip(first, second, strict=True))
    return (r, g, b)


def argb(colour: Colour, alpha: float = 1.0) -> int:
    """Skia's packed colour."""
    return skia.Color(*colour, round(alpha * 255))


class Sketch:
    """Records painting commands and outlines; `finish` makes the part."""

    def __init__(self) -> None:
        self._recorder = skia.PictureRecorder()
        self.canvas = self._recorder.beginRecording(skia.Rect.MakeLTRB(-300, -300, 300, 300))
        self._outlines: list[skia.Path] = []

    def fill(
        self, path: skia.Path, *colours: Colour, across: tuple[Point, Point] | None = None, alpha: float = 1.0
    ) -> None:
        """Fill with one colour, or a gradient from `across[0]` to `across[1]`; the shape counts as the part."""
        self._outlines.append(path)
        self.tint(path, *colours, across=across, alpha=alpha)

    def tint(
        self, path: skia.Path, *colours: Colour, across: tuple[Point, Point] | None = None, alpha: float = 1.0
    ) -> None:
        """Fill without adding to the part's outline: shadow, light, pattern on what is there already."""
        paint = skia.Paint(AntiAlias=True, Color=argb(colours[0], alpha))
        if across is not None and len(colours) > 1:
            points = [skia.Point(*across[0]), skia.Point(*across[1])]
            paint.setShader(skia.GradientShader.MakeLinear(points=points, colors=[argb(c, alpha) for c in colours]))
        self.canvas.drawPath(path, paint)

    def line(self, path: skia.Path, colour: Colour, width: float, *, solid: bool = False, alpha: float = 1.0) -> None:
        """Stroke with round ends; `solid` strokes count as the part."""
        paint = skia.Paint(AntiAlias=True, Color=argb(colour, alpha), Style=skia.Paint.kStroke_Style, StrokeWidth=width)
        paint.setStrokeCap(skia.Paint.kRound_Cap)
        paint.setStrokeJoin(skia.Paint.kRound_Join)
        self.canvas.drawPath(path, paint)
        if solid:
            outline = skia.Path()
            paint.getFillPath(path, outline)
            self._outlines.append(outline)

    def inside(self, path: skia.Path) -> None:
        """Clip all that follows to `path`."""
        self.canvas.clipPath(path, True)

    def finish(self, name: str, role: Role) -> Part:
        """The recorded part."""
        return Part(name, role, self._recorder.finishRecordingAsPicture(), tuple(self._outlines))


def inked(part: Part, width: float) -> Part:
    """The same part with an ink line of `width` around it, which it then covers too."""
    paint = skia.Paint(AntiAlias=True, Color=argb((20, 18, 22)), Style=skia.Paint.kStrokeAndFill_Style)
    paint.setStrokeWidth(2 * width)
    paint.setStrokeJoin(skia.Paint.kRound_Join)
    recorder = skia.PictureRecorder()
    canvas = recorder.beginRecording(skia.Rect.MakeLTRB(-300, -300, 300, 300))
    outlines: list[skia.Path] = []
    for outline in part.outlines:
        wider = skia.Path()
        paint.getFillPath(outline, wider)
        outlines.append(wider)
        canvas.drawPath(wider, skia.Paint(AntiAlias=True, Color=paint.getColor()))
    canvas.drawPicture(part.picture)
    return replace(part, picture=recorder.finishRecordingAsPicture(), outlines=tuple(outlines))


def oval(x: float, y: float, radius_x: float, radius_y: float) -> skia.Path:
    """Ellipse around (x, y)."""
    return skia.Path().addOval(skia.Rect.MakeLTRB(x - radius_x, y - radius_y, x + radius_x, y + radius_y))


def box(left: float, top: float, right: float, bottom: float, radius: float = 0.0) -> skia.Path:
    """Rectangle with round corners."""
    return skia.Path().addRoundRect(skia.Rect.MakeLTRB(left, top, right, bottom), radius, radius)


def polygon(*points: Point) -> skia.Path:
    """Closed polygon."""
    return skia.Path().addPoly([skia.Point(*p) for p in points], True)


def polyline(*points: Point) -> skia.Path:
    """Open chain of straight lines."""
    return skia.Path().addPoly([skia.Point(*p) for p in points], False)


def blob(points: Sequence[Point], *, closed: bool = True) -> skia.Path:
    """Smooth curve through the points (Catmull-Rom)."""
    count = len(points)
    path = skia.Path()
    path.moveTo(*points[0])
    for i in range(count if closed else count - 1):
        before, start, end, after = (points[_at(j, count, closed=closed)] for j in (i - 1, i, i + 1, i + 2))
        path.cubicTo(
            start[0] + (end[0] - before[0]) / 6,
            start[1] + (end[1] - before[1]) / 6,
            end[0] - (after[0] - start[0]) / 6,
            end[1] - (after[1] - start[1]) / 6,
            *end,
        )
    if closed:
        path.close()
    return path


def limb(length: float, start_radius: float, end_radius: float) -> skia.Path:
    """Tapered capsule from (0, 0) to (length, 0)."""
    path = skia.Path()
    path.moveTo(0, -start_radius)
    path.lineTo(length, -end_radius)
    path.arcTo(end_radius, end_radius, 0, skia.Path.kLarge_ArcSize, skia.PathDirection.kCW, length, end_radius)
    path.lineTo(0, start_radius)
    path.arcTo(start_radius, start_radius, 0, skia.Path.kLarge_ArcSize, skia.PathDirection.kCW, 0, -start_radius)
    path.close()
    return path


def _at(index: int, count: int, *, closed: bool) -> int:
    return index % count if closed else min(max(index, 0), count - 1)
