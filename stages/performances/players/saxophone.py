"""The saxophonist: fingers follow an alto's fingering; the bell swings up with the breath.

The saxophone hangs before the player, its bell to the picture's right; the left hand is the upper one.
"""

import math

import numpy as np

from stages.performances.figure import Arm, Outfit, arms, head, torso
from stages.performances.geometry import Affine, Values, compose, place
from stages.performances.players.instrument import Instrument
from stages.performances.players.winds import Grip, blow, draw_fingers, presses
from stages.performances.sampler import Touch
from stages.performances.score import Note
from stages.performances.sketch import Colour, Part, Sketch, blob, box, oval, polygon, polyline, shade

_MOUTH_X, _MOUTH_Y = 2.6, -5.8
_ANGLE, _SWING, _SCALE = 101.0, 10.0, (0.95, 0.95)
_TIP = (-2.0, 12.0)  # of the mouthpiece
_LEFT = Grip(Arm("left", (15.0, 15.0), 1.0, (10.5, 6.5)), along=10.0, spread=3.0, across=-6.0, raised=4.2)
_RIGHT = Grip(Arm("right", (17.5, 16.0), 1.0, (-12.5, 6.5)), along=26.0, spread=3.0, across=6.0, raised=-4.2)
_REACH = 8.5  # of a finger
# Index, middle and ring finger of the left hand, then of the right, from written D; keys that the little fingers, the
# thumb and the sides of the hands move are not drawn.
_FINGERINGS = (
    (1, 1, 1, 1, 1, 1),
    (1, 1, 1, 1, 1, 1),
    (1, 1, 1, 1, 1, 0),
    (1, 1, 1, 1, 0, 0),
    (1, 1, 1, 0, 1, 0),
    (1, 1, 1, 0, 0, 0),
    (1, 1, 1, 0, 0, 0),
    (1, 1, 0, 0, 0, 0),
    (1, 1, 0, 0, 0, 0),
    (1, 0, 0, 0, 0, 0),
    (0, 1, 0, 0, 0, 0),
    (0, 0, 0, 0, 0, 0),
)
_D = 53  # written D, sounding a major sixth lower; all notes below it need all six fingers
_PALM_KEYS = _D + 24  # from here on the palm opens keys and the fingers are up


def _parts(outfit: Outfit, generator: np.random.Generator) -> list[Part]:
    """Back to front: the saxophone is before the body, the hands before the saxophone."""
    brass: Colour = [(226, 178, 62), (240, 204, 110), (196, 124, 70), (206, 208, 214)][int(generator.integers(4))]
    right, left = arms(outfit, "right"), arms(outfit, "left")
    return [
        torso(outfit),
        right[0],
        left[0],
        left[1],
        head(outfit, 0.5),
        draw_saxophone(brass),
        right[1],
        *draw_fingers(outfit, "left", _REACH),
        left[2],
        *draw_fingers(outfit, "right", _REACH),
        right[2],
    ]


def _pose(notes: tuple[Note, ...], times_s: Values) -> dict[str, Affine]:
    """The bell swings up and outwards by the breath, high notes more; the head rises with it."""
    blown = blow(notes, times_s, middle_pitch=65)
    mouth = place(_MOUTH_X, _MOUTH_Y - 1.2 * blown.breath, _ANGLE - _SWING * blown.lift, scale=_SCALE)
    saxophone = compose(mouth, place(-_TIP[0], -_TIP[1]))
    pressed = presses(notes, times_s, fingering)
    return {
        "torso": place(0.5, 0.0, scale=(0.86, 1.0)),
        "head": place(0.0, -1.5 - 1.2 * blown.breath, 6.0 - 3.0 * blown.lift),
        "saxophone": saxophone,
        **_LEFT.hold(saxophone, pressed[:3]),
        **_RIGHT.hold(saxophone, pressed[3:]),
    }


def fingering(pitch: int) -> tuple[int, ...]:
    """Which of the six fingers are down for a sounding MIDI pitch; the octave key repeats them an octave higher."""
    if pitch >= _PALM_KEYS:
        return (0, 0, 0, 0, 0, 0)
    return _FINGERINGS[max(pitch - _D, 0) % 12]


def draw_saxophone(brass: Colour) -> Part:
    """Drawn along x from the body's top (0) to the bow (46); neck at y > 0, bell at y < 0."""
    sketch = Sketch()
    light, dark = shade(brass, 1.5), shade(brass, 0.55)
    _draw_neck(sketch, brass)
    _draw_bell(sketch, brass)
    body = polygon((-0.5, -1.4), (-0.5, 1.4), (40, 2.9), (40, -2.9))
    sketch.fill(body, dark, light, brass, dark, across=((20, -2.6), (20, 2.6)))
    for x in (1.0, 18.0, 34.0):
        sketch.fill(box(x - 0.7, -2.6, x + 0.7, 2.6, 0.4), light, brass, across=((x, -2), (x, 2)))
    sketch.line(polyline((4, 2.6), (37, 3.6)), shade(brass, 0.75), 0.8, solid=True)
    for x in (3.6, 16.0, 19.5, 31.5, 36.0):
        sketch.fill(oval(x, 0.6, 1.9, 1.7), light, dark, across=((x - 1.6, -1), (x + 1.6, 2)))
    for x in (*_LEFT.stops, *_RIGHT.stops):
        sketch.fill(oval(x, 0.0, 1.5, 1.4), brass, dark, across=((x, -1), (x, 2)))
        sketch.tint(oval(x, 0.0, 0.9, 0.8), (246, 244, 236))
    return sketch.finish("saxophone", "instrument")


def _draw_neck(sketch: Sketch, brass: Colour) -> None:
    neck = blob([(2.0, 0.0), (-2.6, 0.4), (-4.6, 3.2), (-4.0, 7.6)], closed=False)
    for colour, width in ((shade(brass, 0.55), 2.8), (brass, 2.2), (shade(brass, 1.5), 0.7)):
        sketch.line(neck, colour, width, solid=width > 2.5)
    sketch.fill(blob([(-5.3, 6.6), (-2.9, 6.2), (-1.4, 12.4), (-2.6, 12.4)]), (34, 30, 32))


def _draw_bell(sketch: Sketch, brass: Colour) -> None:
    light, dark = shade(brass, 1.5), shade(brass, 0.5)
    bow = blob([(39.0, 0.0), (44.5, -1.6), (46.4, -5.8), (44.5, -10.2), (39.0, -11.6)], closed=False)
    for colour, width in ((dark, 6.6), (brass, 5.8), (light, 1.8)):
        sketch.line(bow, colour, width, solid=width > 6)
    inner, outer = (
        [(40, -8.4), (32, -8.4), (26, -8.0), (22.5, -5.6)],
        [(18, -20.4), (24, -17.6), (31, -15.4), (40, -14.8)],
    )
    bell = blob([*inner, *outer])
    sketch.fill(bell, dark, light, brass, dark, across=((30, -16), (30, -8)))
    sketch.line(bell, dark, 0.5)
    rim = blob([(22.6, -5.4), (18.4, -11.8), (17.8, -20.6), (22.0, -14.0)])
    sketch.fill(rim, light, brass, across=((22, -6), (18, -20)))
    sketch.tint(blob([(21.8, -7.0), (19.2, -12.0), (18.6, -18.6), (21.4, -13.6)]), shade(brass, 0.35))
    for x, y in ((30.0, -11.8), (36.5, -11.6)):
        sketch.fill(oval(x, y, 2.3, 2.1), light, dark, across=((x - 2, y - 2), (x + 2, y + 2)))


SAXOPHONE = Instrument(
    span=(50, 79),
    touch=Touch(release_s=0.06, rings=False),
    longest_note_s=math.inf,
    centre=(5.0, 13.0),
    driven=("saxophone", *(f"{side}_finger_{number}" for side in ("left", "right") for number in (1, 2, 3))),
    parts=_parts,
    pose=_pose,
)
