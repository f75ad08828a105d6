"""The flautist: fingers follow a Boehm flute's fingering; flute and head rise with the breath.

The flute is held sideways, its foot to the picture's left.
"""

import math

import numpy as np

from stages.performances.figure import Outfit, arms, head, left_arm, right_arm, torso
from stages.performances.geometry import Affine, Values, place
from stages.performances.players.instrument import Instrument
from stages.performances.players.winds import Grip, blow, draw_fingers, presses
from stages.performances.sampler import Touch
from stages.performances.score import Note
from stages.performances.sketch import Colour, Part, Sketch, box, oval, shade

_MOUTH_X, _MOUTH_Y = 1.6, -5.4
_ANGLE, _RISE, _SCALE = -15.0, 9.0, (-0.84, 1.0)  # mirrored: drawn along x, seen along -x
_LENGTH = 58.0  # from the blow hole to the foot
_LEFT = Grip(left_arm(17.5, 17.0, bend=-1.0), along=18.0, spread=2.9, across=6.2, raised=-4.2)
_RIGHT = Grip(right_arm(15.0, 14.5, bend=-1.0), along=38.0, spread=2.9, across=6.2, raised=-4.2)
_REACH = 8.5  # of a finger
# Index, middle and ring finger of the left hand, then of the right, from C; thumbs and little fingers are not drawn.
_FINGERINGS = (
    (1, 1, 1, 1, 1, 1),
    (1, 1, 1, 1, 1, 1),
    (1, 1, 1, 1, 1, 1),
    (1, 1, 1, 1, 1, 1),
    (1, 1, 1, 1, 1, 0),
    (1, 1, 1, 1, 0, 0),
    (1, 1, 1, 0, 0, 1),
    (1, 1, 1, 0, 0, 0),
    (1, 1, 1, 0, 0, 0),
    (1, 1, 0, 0, 0, 0),
    (1, 0, 0, 1, 0, 0),
    (1, 0, 0, 0, 0, 0),
    (1, 0, 0, 0, 0, 0),
    (0, 0, 0, 0, 0, 0),
    (0, 1, 1, 1, 1, 1),
    (0, 1, 1, 1, 1, 1),
)
_LOWEST = 60


def _parts(outfit: Outfit, generator: np.random.Generator) -> list[Part]:
    """Back to front: hands before the fingers' roots, both before the flute."""
    metal: Colour = [(206, 210, 218), (226, 186, 92), (224, 168, 140), (70, 58, 54)][int(generator.integers(4))]
    right, left = arms(outfit, "right"), arms(outfit, "left")
    return [
        torso(outfit),
        right[0],
        right[1],
        left[0],
        left[1],
        head(outfit, 0.3),
        draw_flute(metal),
        *draw_fingers(outfit, "right", _REACH),
        right[2],
        *draw_fingers(outfit, "left", _REACH),
        left[2],
    ]


def _pose(notes: tuple[Note, ...], times_s: Values) -> dict[str, Affine]:
    """The foot swings up by the breath, high notes more; the head goes with it."""
    blown = blow(notes, times_s, middle_pitch=71)
    mouth_y = _MOUTH_Y - 1.2 * blown.breath
    flute = place(_MOUTH_X, mouth_y, _ANGLE + _RISE * blown.lift, scale=_SCALE)
    pressed = presses(notes, times_s, fingering)
    return {
        "torso": place(0.0, 0.0),
        "head": place(0.0, -1.5 - 1.2 * blown.breath, -5.0 + 2.0 * blown.lift),
        "flute": flute,
        **_LEFT.hold(flute, pressed[:3]),
        **_RIGHT.hold(flute, pressed[3:]),
    }


def fingering(pitch: int) -> tuple[int, ...]:
    """Which of the six fingers are down for a MIDI pitch; from E the second octave repeats the first."""
    step = pitch - _LOWEST
    return _FINGERINGS[step if step < len(_FINGERINGS) else (step - 4) % 12 + 4]


def draw_flute(metal: Colour) -> Part:
    """Drawn along x from the blow hole (0) to the foot; the crown lies before it."""
    sketch = Sketch()
    light, dark = shade(metal, 1.6), shade(metal, 0.5)
    sketch.fill(box(-8.0, -1.3, _LENGTH, 1.3, 0.6), dark, light, metal, dark, across=((0, -1.3), (0, 1.3)))
    sketch.fill(oval(0.0, 0.0, 3.0, 1.7), light, metal, across=((0, -1.7), (0, 1.7)))
    sketch.tint(oval(0.0, -0.6, 1.0, 0.5), (30, 26, 26))
    for x in (-8.0, 10.0, 46.5):
        sketch.fill(box(x - 0.7, -1.6, x + 0.7, 1.6, 0.4), light, metal, dark, across=((0, -1.6), (0, 1.6)))
    sketch.line(box(12.5, 0.7, 44.5, 1.0), shade(metal, 0.7), 0.5, solid=True)
    for x in (12.5, *_LEFT.stops, 23.8, 26.7, 29.6, 32.5, *_RIGHT.stops, 43.8, 49.0, 52.0):
        sketch.fill(oval(x, -0.9, 1.25, 1.0), light, metal, dark, across=((x, -2), (x, 0.3)))
    return sketch.finish("flute", "instrument")


FLUTE = Instrument(
    span=(_LOWEST, 84),
    touch=Touch(release_s=0.06, rings=False),
    longest_note_s=math.inf,
    centre=(-14.0, 11.0),
    driven=("flute", *(f"{side}_finger_{number}" for side in ("left", "right") for number in (1, 2, 3))),
    parts=_parts,
    pose=_pose,
)
