"""Things behind the players that move without any sound: a passer-by, a plant, a cat, a lamp.

One is drawn a video, without knowing the instruments. Each is made of rigid parts, so that truth stays exact.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from stages.performances.figure import draw_outfit, head, torso
from stages.performances.geometry import Affine, Values, compose, place
from stages.performances.sketch import Colour, Part, Sketch, blob, box, limb, oval, polygon, polyline, shade

_FURS: tuple[Colour, ...] = ((60, 56, 58), (196, 138, 76), (226, 220, 208), (128, 120, 116))
_GREENS: tuple[Colour, ...] = ((66, 128, 70), (96, 146, 62), (50, 106, 88))
_LAMPS: tuple[Colour, ...] = ((255, 206, 110), (255, 120, 90), (130, 200, 255), (170, 255, 160))
_FLOOR_Y = 92.0


@dataclass(frozen=True, slots=True)
class Moving:
    """A part and its way over the scene."""

    part: Part
    affine: Affine  # (T, 2, 3), part units -> scene units


def draw_distractor(width: float, times_s: Values, generator: np.random.Generator) -> list[Moving]:
    """One of DISTRACTORS somewhere in a scene of `width`, back to front."""
    return DISTRACTORS[int(generator.integers(len(DISTRACTORS)))](width, times_s, generator)


def _passer_by(width: float, times_s: Values, generator: np.random.Generator) -> list[Moving]:
    """Walks through the whole picture, and comes back."""
    outfit, scale = draw_outfit(generator), float(generator.uniform(0.55, 0.75))
    speed = float(generator.uniform(14, 30))  # units a second
    lap, start = width + 80.0, float(generator.uniform(0, 2))
    there = (start + speed * times_s / lap) % 2.0
    x = -40.0 + lap * np.minimum(there, 2.0 - there)
    steps = 2 * np.pi * float(generator.uniform(1.5, 2.1)) * times_s
    where = place(x, 34.0 + np.abs(np.sin(steps / 2)), 1.5 * np.sin(steps / 2), scale=(scale, scale))
    nod = place(0.0, -1.5, 2.0 * np.sin(steps))
    return [
        Moving(replace(torso(outfit), name="passer_by_torso", role="distractor"), where),
        Moving(replace(head(outfit, 0.4), name="passer_by_head", role="distractor"), compose(where, nod)),
    ]


def _plant(width: float, times_s: Values, generator: np.random.Generator) -> list[Moving]:
    """A pot whose leaves sway."""
    green = _GREENS[int(generator.integers(len(_GREENS)))]
    foot = (float(generator.uniform(0.05, 0.95)) * width, _FLOOR_Y - 8.0)
    angles = np.linspace(-145.0, -35.0, int(generator.integers(4, 7)))
    leaves = [_leaf(number, green, float(generator.uniform(26, 40))) for number in range(len(angles))]
    moving = [
        Moving(leaf, place(*foot, angle + _wave(times_s, float(generator.uniform(6, 14)), (0.4, 1.1), generator)))
        for leaf, angle in zip(leaves, angles, strict=True)
    ]
    return [*moving, Moving(_pot(), np.broadcast_to(place(*foot), (len(times_s), 2, 3)))]


def _cat(width: float, times_s: Values, generator: np.random.Generator) -> list[Moving]:
    """Sits, wags its tail and looks about."""
    fur = _FURS[int(generator.integers(len(_FURS)))]
    still = place(float(generator.uniform(0.05, 0.95)) * width, _FLOOR_Y, scale=(1.3, 1.3))
    tail = compose(still, place(7.0, -2.0, -50.0 + _wave(times_s, 40.0, (0.4, 1.2), generator)))
    aside, turn = (_wave(times_s, size, (0.1, 0.5), generator) for size in (2.0, 12.0))
    look = compose(still, place(aside, -19.0, turn))
    body = np.broadcast_to(still, (len(times_s), 2, 3))
    return [Moving(_tail(fur), tail), Moving(_cat_body(fur), body), Moving(_cat_head(fur), look)]


def _lamp(width: float, times_s: Values, generator: np.random.Generator) -> list[Moving]:
    """A glow that swells and shrinks: a blink made of motion, since parts have no brightness of their own."""
    colour = _LAMPS[int(generator.integers(len(_LAMPS)))]
    x, y = float(generator.uniform(0.05, 0.95)) * width, float(generator.uniform(10, 40))
    phase = 2 * np.pi * (float(generator.uniform(0.5, 2.5)) * times_s + float(generator.uniform(0, 1)))
    size = 0.25 + 0.75 / (1 + np.exp(-8 * np.sin(phase)))
    fixed = np.broadcast_to(place(x, y), (len(times_s), 2, 3))
    return [Moving(_bracket(), fixed), Moving(_glow(colour), place(x, y, scale=(size, size)))]


DISTRACTORS: tuple[Callable[[float, Values, np.random.Generator], list[Moving]], ...] = (
    _passer_by,
    _plant,
    _cat,
    _lamp,
)


def _wave(times_s: Values, size: float, rates_hz: tuple[float, float], generator: np.random.Generator) -> Values:
    rate_hz, phase = float(generator.uniform(*rates_hz)), float(generator.uniform(0, 2 * np.pi))
    return size * np.sin(2 * np.pi * rate_hz * times_s + phase)


def _leaf(number: int, green: Colour, length: float) -> Part:
    sketch = Sketch()
    sketch.fill(
        blob([(0, 0), (length * 0.5, -4.5), (length, 0), (length * 0.5, 4.5)]),
        shade(green, 1.15),
        green,
        across=((0, -4), (0, 4)),
    )
    sketch.line(polyline((0, 0), (length * 0.9, 0)), shade(green, 0.7), 0.7)
    return sketch.finish(f"leaf_{number + 1}", "distractor")


def _pot() -> Part:
    sketch = Sketch()
    sketch.fill(polygon((-7, -1), (7, -1), (5, 18), (-5, 18)), (190, 104, 70), (140, 70, 46), across=((-7, 0), (7, 0)))
    return sketch.finish("pot", "distractor")


def _tail(fur: Colour) -> Part:
    sketch = Sketch()
    sketch.fill(limb(16.0, 1.8, 1.1), shade(fur, 0.85))
    return sketch.finish("tail", "distractor")


def _cat_body(fur: Colour) -> Part:
    sketch = Sketch()
    sketch.fill(
        blob([(-7, 8), (-6, -6), (0, -16), (6, -6), (7, 8)]), shade(fur, 1.1), shade(fur, 0.8), across=((-6, 0), (6, 0))
    )
    return sketch.finish("cat_body", "distractor")


def _cat_head(fur: Colour) -> Part:
    sketch = Sketch()
    for side in (-1, 1):
        sketch.fill(polygon((side * 1.0, -4.0), (side * 5.4, -8.0), (side * 5.2, -1.0)), shade(fur, 0.8))
    sketch.fill(oval(0, 0, 5.6, 4.8), fur)
    for side in (-1, 1):
        sketch.tint(oval(side * 2.1, -0.6, 0.9, 0.9), (60, 140, 70))
    sketch.tint(oval(0, 1.4, 0.7, 0.5), (190, 110, 110))
    return sketch.finish("cat_head", "distractor")


def _bracket() -> Part:
    sketch = Sketch()
    sketch.fill(box(-1.0, -40.0, 1.0, 0.0), (60, 60, 64))
    sketch.fill(polygon((-4, 0), (4, 0), (1.6, -4), (-1.6, -4)), (60, 60, 64))
    return sketch.finish("bracket", "distractor")


def _glow(colour: Colour) -> Part:
    sketch = Sketch()
    sketch.fill(oval(0, 3.0, 7.0, 7.0), shade(colour, 0.85))
    sketch.fill(oval(0, 3.0, 4.5, 4.5), shade(colour, 1.6))
    return sketch.finish("glow", "distractor")
