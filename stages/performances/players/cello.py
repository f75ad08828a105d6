"""The cellist: the bow turns round at every onset and moves while a note sounds; the left hand stops the pitch.

The cello stands before the player, its scroll beside the left ear (the picture's right); the bow points to the right.
"""

import math

import numpy as np

from stages.performances.figure import Outfit, arms, head, left_arm, right_arm, torso
from stages.performances.geometry import Affine, Values, apply, place
from stages.performances.gestures import arrive, bowing
from stages.performances.players.instrument import Instrument
from stages.performances.sampler import Touch
from stages.performances.score import Note
from stages.performances.sketch import Colour, Part, Sketch, blob, box, oval, polygon, polyline, shade

_TAIL_X, _TAIL_Y, _ANGLE, _SCALE = -5.0, 72.0, -78.0, (0.72, 0.74)  # smaller than a real one: it stands back
_BRIDGE_X, _NUT_X = 32.0, 102.0
_CONTACT_X = 39.0  # where the bow crosses the strings, between bridge and fingerboard
_BOW_MIDDLE = 21.0  # from the hand to the middle of the stroke
_BOW_ARM, _NECK_ARM = right_arm(19.0, 18.0, bend=1.0), left_arm(19.0, 18.0, bend=-1.0)
_OPEN_PITCHES = (36, 43, 50, 57)
_STRING_TURN = 5.0  # degrees by which the bow tilts from one string to the next


def _parts(outfit: Outfit, generator: np.random.Generator) -> list[Part]:
    """Back to front: the left forearm goes over the cello's shoulder to high notes; the bow arm is before all."""
    left_upper, left_fore, left_hand = arms(outfit, "left")
    right_upper, right_fore, right_hand = arms(outfit, "right")
    varnish: Colour = [(176, 88, 36), (150, 60, 28), (196, 120, 54), (116, 54, 34)][int(generator.integers(4))]
    figure = [torso(outfit), left_upper, head(outfit, 0.2)]
    return [*figure, draw_cello(varnish), left_fore, left_hand, right_upper, right_fore, draw_bow(), right_hand]


def _pose(notes: tuple[Note, ...], times_s: Values) -> dict[str, Affine]:
    """Bow by `bowing`, tilted to the string of the pitch; left hand where the string is stopped."""
    cello = place(_TAIL_X, _TAIL_Y, _ANGLE, scale=_SCALE)
    stops = [stop(note.pitch) for note in notes]
    string = arrive(times_s, notes, [number for number, _ in stops], travel_s=0.12, rest=3.0)
    stopped_x = arrive(times_s, notes, [x for _, x in stops], travel_s=0.12, rest=stop(60)[1])
    angle = _ANGLE + 90 - _STRING_TURN * (string - 2.5)
    contact_x, contact_y = apply(cello, _CONTACT_X, 0.0)
    from_hand = _BOW_MIDDLE + bowing(times_s, notes, shortest=4.0, longest=14.0)
    hand_x = contact_x - from_hand * np.cos(np.deg2rad(angle))
    hand_y = contact_y - from_hand * np.sin(np.deg2rad(angle))
    left_x, left_y = apply(cello, stopped_x, 1.5)
    elbow_x, elbow_y = 23.5 - 0.11 * left_y, 13.5 + 0.31 * left_y  # sinks towards the bridge as the hand does
    return {
        "torso": place(0.0, 0.0),
        "head": place(-1.0, -1.5, -3.0),
        "cello": cello,
        "bow": place(hand_x, hand_y, angle, scale=(0.86, 0.95)),
        **_BOW_ARM.reach(hand_x, hand_y, angle + 35),
        **_NECK_ARM.through((elbow_x, elbow_y), (left_x, left_y), -160.0),
    }


def stop(pitch: int) -> tuple[int, float]:
    """String (0 is the lowest) and place along the cello where a finger stops it for a MIDI pitch.

    A stopped string sounds in inverse proportion to its length; an open one leaves the hand in first position.
    """
    string = max((i for i, lowest in enumerate(_OPEN_PITCHES) if lowest <= pitch), default=0)
    semitones = max(pitch - _OPEN_PITCHES[string], 1)
    return string, _BRIDGE_X + (_NUT_X - _BRIDGE_X) * 2 ** (-semitones / 12)


def draw_cello(varnish: Colour) -> Part:
    """Front view, along x from the tail (0) to the scroll (120); the lower strings are at negative y."""
    sketch = Sketch()
    _draw_body(sketch, varnish)
    _draw_neck(sketch, varnish)
    for y in (-2.4, -0.8, 0.8, 2.4):
        sketch.line(polyline((16, y * 0.8), (_BRIDGE_X, y * 1.1), (_NUT_X, y * 0.55)), (228, 228, 222), 0.4, alpha=0.9)
    return sketch.finish("cello", "instrument")


def _draw_body(sketch: Sketch, varnish: Colour) -> None:
    dark, black = shade(varnish, 0.5), (28, 22, 22)
    outline = [
        (0, 0),
        (1.2, -12),
        (8, -20.4),
        (17, -22.0),
        (25, -19.4),
        (28.4, -16.6),
        (33, -12.8),
        (40, -11.4),
        (45, -13.2),
        (48, -15.6),
        (55, -17.0),
        (64, -15.4),
        (71, -9.6),
        (73, 0),
    ]
    body = blob(outline + [(x, -y) for x, y in reversed(outline[1:-1])])
    sketch.fill(
        body, shade(varnish, 0.72), shade(varnish, 1.28), varnish, shade(varnish, 0.6), across=((9, -22), (16, 22))
    )
    sketch.line(body, dark, 1.5)
    for side in (-1, 1):
        hole = [
            (25, side * 6.4),
            (27, side * 8.4),
            (32, side * 7.6),
            (38, side * 6.8),
            (42, side * 5.2),
            (40, side * 4),
        ]
        sketch.line(blob(hole, closed=False), black, 1.3)
    sketch.tint(polygon((2.0, -2.0), (24, -4.2), (24, 4.2), (2.0, 2.0)), black)
    sketch.tint(box(_BRIDGE_X - 1, -5.4, _BRIDGE_X + 1, 5.4, 0.6), (228, 194, 138))


def _draw_neck(sketch: Sketch, varnish: Colour) -> None:
    dark, black = shade(varnish, 0.5), (28, 22, 22)
    sketch.fill(polygon((70, -3.0), (103, -2.2), (103, 2.2), (70, 3.0)), shade(varnish, 0.8))
    sketch.fill(
        polygon((46, -4.0), (_NUT_X, -2.1), (_NUT_X, 2.1), (46, 4.0)), black, (70, 62, 60), across=((0, -4), (0, 4))
    )
    sketch.fill(polygon((_NUT_X, -2.2), (115, -1.8), (115, 1.8), (_NUT_X, 2.2)), shade(varnish, 0.72))
    for x, side in ((105, -1), (107.5, 1), (110, -1), (112.5, 1)):
        sketch.line(polyline((x, 0), (x, side * 6.2)), black, 1.6, solid=True)
    sketch.fill(oval(117, 0, 3.6, 3.3), varnish, dark, across=((116, -3), (118, 3)))
    sketch.line(oval(117, 0, 1.8, 1.5), dark, 0.9)


def draw_bow() -> Part:
    """Drawn along x from the hand (0) at the frog to the tip (60); the hair is on the strings' side, below."""
    sketch = Sketch()
    sketch.line(polyline((1, 2.2), (58, 2.0)), (244, 240, 226), 1.4, solid=True)
    stick = blob([(-4, -0.4), (12, 0.1), (32, 0.9), (50, 0.4), (59, -0.8)], closed=False)
    sketch.line(stick, (72, 34, 20), 1.8, solid=True)
    sketch.fill(polygon((57.0, -1.0), (60.6, -1.0), (59.6, 2.8), (57.4, 2.6)), (72, 34, 20))
    sketch.fill(box(-0.5, 0.0, 4.4, 3.0, 0.5), (26, 22, 24))
    return sketch.finish("bow", "instrument")


CELLO = Instrument(
    span=(52, 79),
    touch=Touch(release_s=0.09, rings=False),
    longest_note_s=math.inf,
    centre=(0.0, 17.0),
    driven=("bow",),
    parts=_parts,
    pose=_pose,
)
