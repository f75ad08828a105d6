"""The guitarist: the right hand crosses the strings at every onset; the left goes along the neck with the pitch.

The body lies at the picture's lower left, the neck points to the upper right.
"""

import numpy as np

from stages.performances.figure import Outfit, arms, head, left_arm, right_arm, torso
from stages.performances.geometry import Affine, Values, apply, place
from stages.performances.gestures import arrive, plucking
from stages.performances.players.instrument import Instrument
from stages.performances.sampler import Touch
from stages.performances.score import Note
from stages.performances.sketch import Colour, Part, Sketch, blob, box, oval, polygon, polyline, shade

_TAIL_X, _TAIL_Y, _ANGLE, _SCALE = -29.0, 45.0, -20.0, (0.78, 0.82)
_PLUCK_X = 25.0  # between bridge and hole, along the guitar
_PLUCK_REACH = 8.0  # of the hand to either side of the strings
_NUT_X, _SEMITONE = 82.0, 1.5
_PLUCK_ARM, _NECK_ARM = right_arm(21.0, 21.0, bend=1.0), left_arm(22.0, 15.0, bend=1.0)


def _parts(outfit: Outfit, generator: np.random.Generator) -> list[Part]:
    """Back to front: the left upper arm hangs behind the neck."""
    left_upper, left_fore, left_hand = arms(outfit, "left")
    wood: Colour = [(222, 168, 96), (236, 196, 134), (196, 128, 62), (170, 92, 44)][int(generator.integers(4))]
    return [
        torso(outfit),
        head(outfit, 0.25),
        left_upper,
        draw_guitar(wood),
        left_fore,
        left_hand,
        *arms(outfit, "right"),
    ]


def _pose(notes: tuple[Note, ...], times_s: Values) -> dict[str, Affine]:
    """Right hand by `plucking`, across the strings; left hand by pitch."""
    guitar = place(_TAIL_X, _TAIL_Y, _ANGLE, scale=_SCALE)
    frets = np.array([(note.pitch - 40) % 5 + 5 * (note.pitch > 69) for note in notes])
    fret = arrive(times_s, notes, frets, travel_s=0.1, rest=2.0)
    right_x, right_y = apply(guitar, _PLUCK_X, _PLUCK_REACH * plucking(times_s, notes, stroke_s=0.15) - 1.0)
    left_x, left_y = apply(guitar, _NUT_X - 3.0 - _SEMITONE * fret, 2.2)
    return {
        "torso": place(0.0, 0.0),
        "head": place(0.5, -2.0, 4.0),
        "guitar": guitar,
        **_PLUCK_ARM.reach(right_x, right_y, 18.0),
        **_NECK_ARM.through((23.5 + 0.35 * (left_x - 30), 31.0 + 0 * left_y), (left_x, left_y), -58.0),
    }


def draw_guitar(wood: Colour) -> Part:
    """Front view, along x from the tail (0) to the head (100)."""
    sketch = Sketch()
    dark, black, neck = shade(wood, 0.45), (30, 22, 20), (74, 44, 28)
    outline = [
        (0, 0),
        (1.5, -12),
        (8, -18.4),
        (16, -18.8),
        (23, -14.6),
        (29, -12.0),
        (35, -12.8),
        (42, -14.6),
        (47.5, -10.5),
        (49, 0),
    ]
    body = blob(outline + [(x, -y) for x, y in reversed(outline[1:-1])])
    sketch.fill(body, shade(wood, 1.2), wood, shade(wood, 0.78), across=((10, -18), (30, 20)))
    sketch.line(body, dark, 1.5)
    sketch.tint(oval(32, 0, 6.4, 6.0), dark)
    sketch.tint(oval(32, 0, 5.2, 4.9), black)
    sketch.tint(box(11.5, -7.5, 14.0, 7.5, 0.8), neck)
    sketch.fill(polygon((37, -2.7), (83, -2.2), (83, 2.2), (37, 2.7)), neck)
    for fret in range(1, 15):
        x = 83 - 71 * (1 - 2 ** (-fret / 12))
        sketch.line(polyline((x, -2.2), (x, 2.2)), (200, 196, 180), 0.35)
    sketch.fill(polygon((83, -2.2), (86, -3.6), (99, -3.2), (99, 3.2), (86, 3.6), (83, 2.2)), shade(wood, 0.62))
    for x in (88, 92, 96):
        for side in (-1, 1):
            sketch.fill(oval(x, side * 4.6, 1.1, 1.1), (214, 206, 180))
    for y in (-1.9, -1.15, -0.4, 0.4, 1.15, 1.9):
        sketch.line(polyline((12.5, y * 1.35), (84, y)), (238, 232, 214), 0.26, alpha=0.9)
    return sketch.finish("guitar", "instrument")


ACOUSTIC_GUITAR = Instrument(
    span=(52, 79),
    touch=Touch(release_s=0.12, rings=False),
    longest_note_s=0.8,
    centre=(6.0, 15.0),
    driven=("right_hand",),
    parts=_parts,
    pose=_pose,
)
