"""The clarinettist: fingers follow a B-flat clarinet's fingering; the bell swings forward with the breath.

The clarinet is held in front, its bell downwards; the left hand is the upper one.
"""

import math

import numpy as np

from stages.performances.figure import Arm, Outfit, arms, head, right_arm, torso
from stages.performances.geometry import Affine, Values, place
from stages.performances.players.instrument import Instrument
from stages.performances.players.winds import Grip, blow, draw_fingers, presses
from stages.performances.sampler import Touch
from stages.performances.score import Note
from stages.performances.sketch import Colour, Part, Sketch, blob, box, oval, polyline, shade

_MOUTH_X, _MOUTH_Y = 2.0, -6.0
_ANGLE, _SWING, _SCALE = 82.0, 11.0, (0.82, 1.05)  # foreshortened along its length
_LENGTH = 64.0
_LEFT = Grip(Arm("left", (15.0, 14.0), -1.0, (16.0, 5.5)), along=25.0, spread=3.0, across=-5.8, raised=4.2)
_RIGHT = Grip(right_arm(18.0, 17.0, bend=1.0), along=41.0, spread=3.0, across=6.0, raised=-4.2)
_REACH = 8.5  # of a finger
# Index, middle and ring finger of the left hand, then of the right, from written E; keys that the little fingers and
# the sides of the hands open are not drawn.
_FINGERINGS = (
    (1, 1, 1, 1, 1, 1),
    (1, 1, 1, 1, 1, 1),
    (1, 1, 1, 1, 1, 1),
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
    (0, 0, 0, 0, 0, 0),
    (1, 0, 0, 0, 0, 0),
    (0, 0, 0, 0, 0, 0),
    (0, 0, 0, 0, 0, 0),
    (0, 0, 0, 0, 0, 0),
    (0, 0, 0, 0, 0, 0),
)
_LOWEST = 50  # written E, sounding a whole tone lower
_TWELFTH = 19  # the register key raises each fingering by a twelfth


def _parts(outfit: Outfit, generator: np.random.Generator) -> list[Part]:
    """Back to front: the clarinet is before the body, the hands before the clarinet."""
    wood: Colour = [(40, 38, 44), (60, 44, 40), (92, 50, 36), (36, 42, 64)][int(generator.integers(4))]
    metal: Colour = [(206, 210, 218), (226, 190, 104)][int(generator.integers(2))]
    right, left = arms(outfit, "right"), arms(outfit, "left")
    return [
        torso(outfit),
        right[0],
        left[0],
        right[1],
        left[1],
        head(outfit, 0.35),
        draw_clarinet(wood, metal),
        *draw_fingers(outfit, "left", _REACH),
        left[2],
        *draw_fingers(outfit, "right", _REACH),
        right[2],
    ]


def _pose(notes: tuple[Note, ...], times_s: Values) -> dict[str, Affine]:
    """The bell swings up and outwards by the breath, high notes more; the head rises with it."""
    blown = blow(notes, times_s, middle_pitch=66)
    mouth_y = _MOUTH_Y - 1.2 * blown.breath
    clarinet = place(_MOUTH_X, mouth_y, _ANGLE - _SWING * blown.lift, scale=_SCALE)
    pressed = presses(notes, times_s, fingering)
    return {
        "torso": place(0.0, 0.0),
        "head": place(0.0, -1.5 - 1.2 * blown.breath, 5.0 - 3.0 * blown.lift),
        "clarinet": clarinet,
        **_LEFT.hold(clarinet, pressed[:3]),
        **_RIGHT.hold(clarinet, pressed[3:]),
    }


def fingering(pitch: int) -> tuple[int, ...]:
    """Which of the six fingers are down for a sounding MIDI pitch; above the break they repeat a twelfth higher."""
    step = pitch - _LOWEST
    return _FINGERINGS[step if step < _TWELFTH else step - _TWELFTH]


def draw_clarinet(wood: Colour, metal: Colour) -> Part:
    """Drawn along x from the mouthpiece's tip (0) to the bell's rim."""
    sketch = Sketch()
    light, dark = shade(wood, 1.3), shade(wood, 0.6)
    sketch.fill(blob([(-0.8, -0.6), (6.5, -1.3), (6.5, 1.3), (-0.8, 0.6)]), (30, 28, 30))
    bell = [(50.0, -1.7), (56.0, -2.2), (60.5, -3.4), (_LENGTH, -5.4)]
    flare = blob([(6.5, -1.7), *bell, *((x, -y) for x, y in reversed(bell)), (6.5, 1.7)])
    sketch.fill(flare, dark, light, wood, dark, across=((30, -2.2), (30, 2.2)))
    sketch.line(flare, dark, 0.4)
    sketch.fill(oval(_LENGTH, 0.0, 1.0, 5.4), shade(metal, 1.2), shade(metal, 0.6), across=((60, -5), (60, 5)))
    for x in (6.6, 13.0, 33.0, 50.0):
        sketch.fill(box(x - 0.6, -2.1, x + 0.6, 2.1, 0.4), shade(metal, 1.4), metal, across=((x, -2), (x, 2)))
    for x in (*_LEFT.stops, *_RIGHT.stops):
        sketch.tint(oval(x, 0.0, 1.2, 1.2), metal)
        sketch.tint(oval(x, 0.0, 0.6, 0.6), (20, 18, 20))
    for start, end, y in ((14.5, 20.5, -1.9), (29.0, 36.0, 1.9), (45.5, 49.5, -1.9), (45.0, 48.5, 1.9)):
        sketch.line(polyline((start, y), (end, y)), metal, 0.9, solid=True)
        sketch.fill(oval(end, 1.15 * y, 1.2, 1.0), shade(metal, 1.2))
    return sketch.finish("clarinet", "instrument")


CLARINET = Instrument(
    span=(52, 80),
    touch=Touch(release_s=0.06, rings=False),
    longest_note_s=math.inf,
    centre=(3.0, 13.0),
    driven=("clarinet", *(f"{side}_finger_{number}" for side in ("left", "right") for number in (1, 2, 3))),
    parts=_parts,
    pose=_pose,
)
