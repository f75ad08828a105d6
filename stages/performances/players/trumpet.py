"""The trumpeter: valves and fingers follow the fingering of the pitch; bell and head rise with the breath.

The bell points to the picture's right.
"""

import math

import numpy as np

from stages.performances.figure import Arm, Outfit, arms, head, torso
from stages.performances.geometry import Affine, Values, apply, compose, place
from stages.performances.players.instrument import Instrument
from stages.performances.players.winds import blow, presses
from stages.performances.sampler import Touch
from stages.performances.score import Note
from stages.performances.sketch import Colour, Part, Sketch, blob, box, oval, polyline, shade

_MOUTH_X, _MOUTH_Y, _ANGLE, _SCALE = 5.2, -6.2, 3.0, 0.94
_VALVES_X = (17.6, 21.2, 24.8)
_NEAR_ARM = Arm("right", (19.0, 21.0), 1.0, (-9.0, 7.0))
_FAR_ARM = Arm("left", (16.0, 17.0), 1.0, (12.0, 6.0))
_VALVE_DEPTH = 2.6
# Valves pressed for each semitone below an open note of a B-flat trumpet's partials.
_FINGERINGS = ((0, 0, 0), (0, 1, 0), (1, 0, 0), (1, 1, 0), (0, 1, 1), (1, 0, 1), (1, 1, 1))
_OPEN_PITCHES = (58, 65, 70, 74, 77, 82, 86)  # sounding


def _parts(outfit: Outfit, generator: np.random.Generator) -> list[Part]:
    """Back to front: the left arm is on the far side."""
    brass: Colour = [(226, 178, 62), (240, 200, 96), (198, 150, 60), (206, 208, 214)][int(generator.integers(4))]
    far, near = arms(outfit, "left"), arms(outfit, "right")
    fingers = [draw_finger(outfit, number) for number in (1, 2, 3)]
    return [
        far[0],
        torso(outfit),
        far[1],
        head(outfit, 0.9),
        far[2],
        *(draw_valve(n, brass) for n in (1, 2, 3)),
        draw_trumpet(brass),
        near[0],
        near[1],
        near[2],
        *fingers,
    ]


def _pose(notes: tuple[Note, ...], times_s: Values) -> dict[str, Affine]:
    """Valves by `fingering`; the whole trumpet, head and arms lift by the breath, high notes more."""
    blown = blow(notes, times_s, middle_pitch=66)
    breath, lift = blown.breath, blown.lift
    mouth_x, mouth_y = _MOUTH_X + 0.2 * breath, _MOUTH_Y - 0.7 * breath
    trumpet = place(mouth_x, mouth_y, _ANGLE - 7.0 * lift, scale=(_SCALE, _SCALE))
    near_x, near_y = apply(trumpet, 17.5, -5.2)
    far_x, far_y = apply(trumpet, 20.0, 8.4)
    turn = _ANGLE - 7.0 * lift
    return {
        "torso": place(1.5, 0.0, scale=(0.8, 1.0)),
        "head": place(0.0, -1.5 - 0.7 * breath, -2.0 - 2.0 * lift),
        "trumpet": trumpet,
        **_valves(notes, times_s, trumpet),
        **_NEAR_ARM.reach(near_x, near_y, turn - 14),
        **_FAR_ARM.reach(far_x, far_y, turn - 60),
    }


def fingering(pitch: int) -> tuple[int, ...]:
    """Which of the three valves are down for a sounding MIDI pitch."""
    return valves_down(pitch, _OPEN_PITCHES)


def valves_down(pitch: int, open_pitches: tuple[int, ...]) -> tuple[int, ...]:
    """The same for any brass with three valves: they lower the next of its open notes at or above the pitch."""
    above = [open_pitch for open_pitch in open_pitches if open_pitch >= pitch]
    return _FINGERINGS[min(above[0] - pitch if above else 0, 6)]


def _valves(notes: tuple[Note, ...], times_s: Values, trumpet: Affine) -> dict[str, Affine]:
    placed: dict[str, Affine] = {}
    for number, (x, pressed) in enumerate(zip(_VALVES_X, presses(notes, times_s, fingering), strict=True), start=1):
        placed[f"valve_{number}"] = compose(trumpet, place(x, _VALVE_DEPTH * pressed))
        placed[f"finger_{number}"] = compose(trumpet, place(x, -8.6 + _VALVE_DEPTH * pressed))
    return placed


def draw_trumpet(brass: Colour) -> Part:
    """Drawn along x from the mouthpiece (0) to the bell's rim (50); the leadpipe lies at y = 0."""
    sketch = Sketch()
    light, dark = shade(brass, 1.5), shade(brass, 0.55)
    loop = box(9, 0, 37, 8.6, 4.3)
    for path in (polyline((2, 0), (30, 0)), loop):
        sketch.line(path, dark, 2.5, solid=True)
        sketch.line(path, brass, 1.9)
        sketch.line(path, light, 0.6)
    bell = blob(
        [
            (24, -1.5),
            (34, -1.7),
            (41, -2.6),
            (46, -4.6),
            (49.4, -8.2),
            (50.4, -8.0),
            (50.4, 8.0),
            (49.4, 8.2),
            (46, 4.6),
            (41, 2.6),
            (34, 1.7),
            (24, 1.5),
        ]
    )
    sketch.fill(bell, dark, light, brass, dark, across=((40, -7), (40, 7)))
    sketch.fill(oval(50.2, 0, 1.5, 8.3), brass, dark, across=((50, -8), (50, 8)))
    for x in _VALVES_X:
        sketch.fill(
            box(x - 1.6, -4.2, x + 1.6, 12.0, 0.9), dark, light, brass, dark, across=((x - 1.6, 0), (x + 1.6, 0))
        )
    sketch.fill(box(-0.4, -1.7, 1.2, 1.7, 0.6), light, dark, across=((0, -2), (0, 2)))
    sketch.fill(box(0.8, -1.1, 5.0, 1.1, 0.8), light, dark, across=((0, -1), (0, 1)))
    return sketch.finish("trumpet", "instrument")


def draw_valve(number: int, brass: Colour) -> Part:
    """Stem and button, origin at the leadpipe's height."""
    sketch = Sketch()
    sketch.line(polyline((0, -7.4), (0, 0)), shade(brass, 0.7), 1.0, solid=True)
    sketch.fill(oval(0, -7.6, 1.5, 0.8), (244, 240, 228))
    return sketch.finish(f"valve_{number}", "instrument")


def draw_finger(outfit: Outfit, number: int) -> Part:
    """Bent finger whose tip is on the button; it reaches back to the hand."""
    sketch = Sketch()
    finger = blob([(-2.6, 2.2), (-1.6, -0.2), (0.0, -0.4), (0.5, 0.9)], closed=False)
    sketch.line(finger, shade(outfit.skin, 0.66), 2.1, solid=True)
    sketch.line(finger, outfit.skin, 1.6)
    return sketch.finish(f"finger_{number}", "body")


TRUMPET = Instrument(
    span=(54, 80),
    touch=Touch(release_s=0.06, rings=False),
    longest_note_s=math.inf,
    centre=(12.0, 9.0),
    driven=("trumpet", "valve_1", "valve_2", "valve_3"),
    parts=_parts,
    pose=_pose,
)
