"""The accordionist: bellows move while a note sounds and turn when they run out; fingers press the keys.

The keyboard is at the picture's left and stays; the left hand moves the bass box, at the picture's right. Low notes are
near the chin.
"""

import math

import numpy as np

from stages.performances.figure import Outfit, arms, head, left_arm, right_arm, torso
from stages.performances.geometry import Affine, Values, apply, compose, place
from stages.performances.gestures import arrive, bellows, sounding
from stages.performances.players.instrument import Instrument
from stages.performances.sampler import Touch
from stages.performances.score import Note
from stages.performances.sketch import Colour, Part, Sketch, blob, box, oval, polygon, polyline, shade

_BOX_X, _BOX_Y, _ANGLE = -1.0, 12.0, -4.0  # where the bellows leave the treble box, at its top
_HEIGHT = 40.0
_CLOSED, _REACH, _SPEED = 7.0, 24.0, 22.0  # width of closed bellows; how much they open; units a second when loud
_FAN = 0.5  # degrees by which the bass box turns for each unit of opening: bellows open more at their top
_NUM_PLEATS = 9
_LOWEST = 53  # of the 41 keys
_NUM_NATURALS = 24
_KEY_STEP = _HEIGHT / _NUM_NATURALS  # from one natural to the next
_DEGREES = (0, 0, 1, 1, 2, 3, 3, 4, 4, 5, 5, 6)  # natural at or below each semitone above a C
_KEYS_X, _KEY_LENGTH = -19.0, 8.5  # outer end of the keys, from the bellows
_FINGERS = 4
_RESTING_KEY = 8  # natural under the first finger before the first note
_PRESS = 2.2  # how far a finger goes when its key is down
_KEY_ARM, _BASS_ARM = right_arm(17.0, 15.0, bend=1.0), left_arm(19.0, 18.0, bend=-1.0)


def _parts(outfit: Outfit, generator: np.random.Generator) -> list[Part]:
    """Back to front: the left forearm is behind the bass box; each pleat lies over the next further out."""
    lacquer: Colour = [(168, 28, 40), (34, 36, 44), (30, 74, 140), (228, 222, 208)][int(generator.integers(4))]
    cloth: Colour = [(196, 60, 50), (60, 60, 72), (214, 190, 130), (70, 120, 110)][int(generator.integers(4))]
    left, right = arms(outfit, "left"), arms(outfit, "right")
    pleats = [draw_pleat(number, cloth) for number in reversed(range(_NUM_PLEATS))]
    fingers = [draw_finger(outfit, number) for number in range(_FINGERS)]
    boxes = [*pleats, draw_bass_box(lacquer), draw_treble_box(lacquer)]
    return [torso(outfit), head(outfit, 0.15), *left[:2], *boxes, left[2], *right, *fingers]


def _pose(notes: tuple[Note, ...], times_s: Values) -> dict[str, Affine]:
    """Bellows by `bellows`; right hand over the keys by `hand_keys`, its fingers by `sounding`."""
    treble = place(_BOX_X, _BOX_Y, _ANGLE)
    opening = bellows(times_s, notes, speed=_SPEED, reach=_REACH)
    bass = compose(treble, _fold(opening, 1.0))
    bass_x, bass_y = apply(bass, 10.5, 0.5 * _HEIGHT)
    anchors = hand_keys(notes)
    hand = arrive(times_s, notes, [key_y(anchor) for anchor in anchors], travel_s=0.1, rest=key_y(_RESTING_KEY))
    key_x, hand_y = apply(treble, _KEYS_X - 3.4, hand + 1.5 * _KEY_STEP)
    return {
        "torso": place(0.0, 0.0),
        "head": place(0.5, -1.5, 2.0),
        "treble_box": treble,
        "bass_box": bass,
        **{f"pleat_{n}": compose(treble, _fold(opening, n / _NUM_PLEATS)) for n in range(_NUM_PLEATS)},
        **_fingers(notes, anchors, hand, times_s),
        **_KEY_ARM.reach(key_x, hand_y, _ANGLE),
        **_BASS_ARM.reach(bass_x, bass_y, -100.0),
    }


def hand_keys(notes: tuple[Note, ...]) -> list[int]:
    """Natural under the first finger at each note: the hand moves no further than its fingers make it."""
    anchors, anchor = list[int](), _RESTING_KEY
    for note in notes:
        key = natural(note.pitch)
        anchor = min(max(anchor, key - _FINGERS + 1), key)
        anchors.append(anchor)
    return anchors


def natural(pitch: int) -> int:
    """Index from the lowest key of the natural at or below a MIDI pitch; a sharp lies just after it."""
    return _steps(pitch) - _steps(_LOWEST)


def key_y(index: int) -> float:
    """Middle of a natural below the box's top."""
    return (index + 0.5) * _KEY_STEP


def _steps(pitch: int) -> int:
    return 7 * (pitch // 12) + _DEGREES[pitch % 12]


def _fold(opening: Values, share: float) -> Affine:
    """Place of the fold at `share` of the way from the treble box (0) to the bass box (1), turned about its foot."""
    foot = place(share * (_CLOSED + opening), _HEIGHT, share * _FAN * opening)
    return compose(foot, place(0.0, -_HEIGHT))


def _fingers(notes: tuple[Note, ...], anchors: list[int], hand: Values, times_s: Values) -> dict[str, Affine]:
    placed: dict[str, Affine] = {}
    treble = place(_BOX_X, _BOX_Y, _ANGLE)
    for finger in range(_FINGERS):
        own = tuple(n for n, anchor in zip(notes, anchors, strict=True) if natural(n.pitch) - anchor == finger)
        pressed = sounding(times_s, own, attack_s=0.05, release_s=0.06)
        tip_y = hand + finger * _KEY_STEP
        placed[f"finger_{finger}"] = compose(treble, place(_KEYS_X + 1.0 + _PRESS * pressed, tip_y))
    return placed


def draw_treble_box(lacquer: Colour) -> Part:
    """Keyboard and grille; the origin is where its top meets the bellows."""
    sketch = Sketch()
    light, dark, chrome = shade(lacquer, 1.35), shade(lacquer, 0.55), (206, 208, 214)
    sketch.fill(box(-11.5, -2.0, 0.5, _HEIGHT + 2, 2.0), light, lacquer, dark, across=((-10, 0), (2, 40)))
    grille = blob([(-9.6, 1), (-2.6, 2.5), (-2.0, 20), (-2.6, 37.5), (-9.6, 39), (-8.0, 20)])
    sketch.tint(grille, chrome, shade(chrome, 0.6), across=((-9, 0), (-2, 40)))
    for y in range(4, 38, 3):
        sketch.line(polyline((-7.8, y), (-3.4, y)), dark, 1.1)
    sketch.line(polyline((0, -1.6), (0, _HEIGHT + 1.6)), chrome, 1.0)
    _draw_keys(sketch)
    return sketch.finish("treble_box", "instrument")


def _draw_keys(sketch: Sketch) -> None:
    ink = (30, 28, 30)
    inner_x = _KEYS_X + _KEY_LENGTH
    sketch.fill(
        box(_KEYS_X, -0.6, inner_x, _HEIGHT + 0.6, 0.6), (250, 248, 240), (214, 210, 200), across=((-19, 0), (-11, 0))
    )
    for index in range(1, _NUM_NATURALS):
        y = index * _KEY_STEP
        sketch.line(polyline((_KEYS_X, y), (inner_x, y)), ink, 0.3)
    for pitch in range(_LOWEST, _LOWEST + 41):
        if natural(pitch) == natural(pitch - 1):
            y = (natural(pitch) + 1) * _KEY_STEP
            sketch.tint(box(_KEYS_X + 3.2, y - 0.5, inner_x, y + 0.5, 0.2), ink)


def draw_pleat(number: int, cloth: Colour) -> Part:
    """One fold of the bellows, wide enough to reach the next when all is open."""
    sketch = Sketch()
    wide = (_CLOSED + _REACH) / _NUM_PLEATS + 1.6
    light, dark = shade(cloth, 1.3), shade(cloth, 0.35)
    sketch.fill(box(-0.3, -0.8, wide, _HEIGHT + 0.8, 0.8), light, cloth, dark, across=((0, 0), (wide, 0)))
    for y in (-0.2, _HEIGHT + 0.2):
        sketch.line(polyline((0.2, y), (1.4, y)), (214, 214, 220), 1.2)
    return sketch.finish(f"pleat_{number}", "instrument")


def draw_bass_box(lacquer: Colour) -> Part:
    """From the bellows (x = 0) outwards, with the strap that holds the hand."""
    sketch = Sketch()
    light, dark, chrome = shade(lacquer, 1.35), shade(lacquer, 0.55), (206, 208, 214)
    sketch.fill(box(-0.5, -2.0, 11.0, _HEIGHT + 2, 2.4), light, lacquer, dark, across=((0, 0), (12, 40)))
    sketch.line(polyline((0.4, -1.6), (0.4, _HEIGHT + 1.6)), chrome, 1.0)
    sketch.tint(polygon((3, 4), (6.5, 6), (6.5, 34), (3, 36)), chrome, shade(chrome, 0.6), across=((3, 0), (7, 36)))
    strap = blob([(10.4, 2), (12.4, 12), (12.6, 28), (10.4, 38)], closed=False)
    sketch.line(strap, (40, 32, 30), 1.8, solid=True)
    for y in (10.0, 20.0, 30.0):
        sketch.tint(oval(4.8, y, 1.0, 1.0), dark)
    return sketch.finish("bass_box", "instrument")


def draw_finger(outfit: Outfit, number: int) -> Part:
    """Finger whose tip is at the origin, on a key; it reaches back to the hand."""
    sketch = Sketch()
    finger = polyline((-4.0, 0), (0, 0))
    sketch.line(finger, shade(outfit.skin, 0.6), 1.8, solid=True)
    sketch.line(finger, outfit.skin, 1.3)
    return sketch.finish(f"finger_{number}", "body")


ACCORDION = Instrument(
    span=(55, 84),
    touch=Touch(release_s=0.05, rings=False),
    longest_note_s=math.inf,
    centre=(6.0, 14.0),
    driven=("bass_box",),
    parts=_parts,
    pose=_pose,
)
