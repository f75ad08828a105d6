"""The violinist: the bow turns round at every onset and moves while a note sounds; the left hand goes with the pitch.

The violin is held at the player's left shoulder, its scroll to the picture's right.
"""

import math

import numpy as np

from stages.performances.figure import Outfit, arms, head, left_arm, right_arm, torso
from stages.performances.geometry import Affine, Values, apply, place
from stages.performances.gestures import arrive, bowing
from stages.performances.players.instrument import Instrument
from stages.performances.sampler import Touch
from stages.performances.score import Note
from stages.performances.sketch import Colour, Part, Sketch, blob, box, limb, oval, polygon, polyline, shade

_BODY_X, _BODY_Y, _BODY_ANGLE, _BODY_SCALE = 4.0, 0.5, 20.0, (0.72, 0.86)  # foreshortened along its length
_CONTACT_X = 21.0  # where the bow crosses the strings, along the violin
_BOW_ANGLE = -47.0
_BOW_ARM, _NECK_ARM = right_arm(18.0, 20.0, bend=1.0), left_arm(19.0, 17.0, bend=1.0)
_BOW_MIDDLE = 24.0  # from the hand to the middle of the stroke
_FIRST_POSITION_X, _POSITION_STEP = 46.0, 0.75  # the hand moves towards the body by so much a semitone


def _parts(outfit: Outfit, generator: np.random.Generator) -> list[Part]:
    """Back to front: the left arm is behind the violin, the bow arm before it."""
    left_upper, left_fore, left_hand = arms(outfit, "left")
    right_upper, right_fore, right_hand = arms(outfit, "right")
    varnish: Colour = [(168, 84, 34), (146, 62, 26), (188, 108, 46), (122, 52, 30)][int(generator.integers(4))]
    figure = [torso(outfit), left_upper, left_fore, head(outfit, 0.5)]
    return [*figure, draw_violin(varnish), left_hand, right_upper, right_fore, draw_bow(), right_hand]


def _pose(notes: tuple[Note, ...], times_s: Values) -> dict[str, Affine]:
    """Bow by `bowing`, tilted to the string of the pitch; left hand along the neck by pitch."""
    violin = place(_BODY_X, _BODY_Y, _BODY_ANGLE, scale=_BODY_SCALE)
    pitches = np.array([note.pitch for note in notes])
    string = arrive(times_s, notes, np.clip((pitches - 55) // 7, 0, 3), travel_s=0.12, rest=1.0)
    position = arrive(times_s, notes, (pitches - 55) % 7 + 4 * (pitches > 76), travel_s=0.12, rest=0.0)
    angle = _BOW_ANGLE - 4.0 * (string - 1.5)
    contact_x, contact_y = apply(violin, _CONTACT_X, 0.0)
    from_hand = _BOW_MIDDLE + bowing(times_s, notes, shortest=4.0, longest=16.0)
    hand_x = contact_x - from_hand * np.cos(np.deg2rad(angle))
    hand_y = contact_y - from_hand * np.sin(np.deg2rad(angle))
    left_x, left_y = apply(violin, _FIRST_POSITION_X - _POSITION_STEP * position, 2.2)
    return {
        "torso": place(0.0, 0.0),
        "head": place(0.5, -1.5, 9.0),
        "violin": violin,
        "bow": place(hand_x, hand_y, angle, scale=(0.86, 0.9)),
        **_BOW_ARM.reach(hand_x, hand_y, angle - 20),
        **_NECK_ARM.reach(left_x, left_y, -62.0),
    }


def draw_violin(varnish: Colour) -> Part:
    """Top view, along x from the chin end (0) to the scroll (60)."""
    sketch = Sketch()
    dark, black = shade(varnish, 0.5), (28, 22, 22)
    outline = [
        (0, 0),
        (1.0, -7.6),
        (6, -10.4),
        (11.5, -9.2),
        (14.4, -6.4),
        (19, -5.4),
        (23.4, -6.0),
        (26.5, -8.4),
        (31, -8.2),
        (34.6, -5.0),
        (35.6, 0),
    ]
    body = blob(outline + [(x, -y) for x, y in reversed(outline[1:-1])])
    sketch.fill(body, shade(varnish, 1.25), varnish, shade(varnish, 0.7), across=((10, -10), (20, 11)))
    sketch.line(body, dark, 0.9)
    for side in (-1, 1):
        hole = blob(
            [(15.4, side * 3.4), (16.4, side * 4.2), (18.6, side * 3.6), (21.4, side * 3.4), (22.6, side * 2.6)],
            closed=False,
        )
        sketch.line(hole, black, 0.9)
    sketch.fill(polygon((34, -1.6), (50, -1.2), (50, 1.2), (34, 1.6)), shade(varnish, 0.8))
    sketch.fill(polygon((24, -2.1), (48.5, -1.3), (48.5, 1.3), (24, 2.1)), black)
    sketch.fill(polygon((49, -1.3), (57, -1.0), (57, 1.0), (49, 1.3)), shade(varnish, 0.72))
    sketch.fill(oval(58.2, 0, 1.9, 1.8), varnish)
    sketch.line(oval(58.2, 0, 0.9, 0.8), dark, 0.5)
    for x, side in ((51, -1), (53, 1), (55, -1), (56.6, 1)):
        sketch.line(polyline((x, 0), (x, side * 3.0)), black, 1.0, solid=True)
    sketch.tint(polygon((1.5, -1.0), (12.5, -2.2), (12.5, 2.2), (1.5, 1.0)), black)
    sketch.tint(box(18.3, -3.0, 19.3, 3.0, 0.3), (226, 190, 130))
    for y in (-1.3, -0.45, 0.45, 1.3):
        sketch.line(polyline((12.5, y * 1.2), (50, y * 0.7)), (226, 226, 220), 0.28, alpha=0.9)
    sketch.tint(oval(3.8, -5.4, 3.2, 2.5), black)
    return sketch.finish("violin", "instrument")


def draw_bow() -> Part:
    """Drawn along x from the hand (0) at the frog to the tip (60)."""
    sketch = Sketch()
    sketch.line(polyline((1, 1.9), (58, 1.7)), (244, 240, 226), 1.1, solid=True)
    stick = blob([(-3, -0.3), (12, 0.1), (32, 0.9), (50, 0.4), (59, -0.6)], closed=False)
    sketch.line(stick, (84, 40, 22), 1.5, solid=True)
    sketch.fill(polygon((57.2, -0.8), (60.4, -0.6), (59.4, 2.4), (57.6, 2.2)), (84, 40, 22))
    sketch.fill(box(-0.5, 0.0, 3.6, 2.6, 0.4), (26, 22, 24))
    sketch.fill(limb(2.0, 0.8, 0.8), (190, 190, 196))
    return sketch.finish("bow", "instrument")


VIOLIN = Instrument(
    span=(57, 83),
    touch=Touch(release_s=0.07, rings=False),
    longest_note_s=math.inf,
    centre=(8.0, 11.0),
    driven=("bow",),
    parts=_parts,
    pose=_pose,
)
