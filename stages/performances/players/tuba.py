"""The tubist: valves and fingers follow the fingering of the pitch; tuba and head lift and lean with the breath.

The tuba stands in the player's lap, its bell upwards beside the left ear (the picture's right).
"""

import math

import numpy as np
import skia

from stages.performances.figure import Outfit, arms, head, left_arm, right_arm, torso
from stages.performances.geometry import Affine, Values, apply, compose, place
from stages.performances.players.instrument import Instrument
from stages.performances.players.trumpet import draw_finger, draw_valve, valves_down
from stages.performances.players.winds import blow, presses
from stages.performances.sampler import Touch
from stages.performances.score import Note
from stages.performances.sketch import Colour, Part, Sketch, blob, box, oval, polyline, shade

_FOOT_X, _FOOT_Y = 7.0, 60.0  # about which it leans
_LEAN, _RISE = 2.4, 1.6  # degrees and units for a loud breath
_MOUTH_X, _MOUTH_Y = 2.0, -6.4
_VALVES_X, _VALVES_Y, _VALVE_SCALE, _VALVE_DEPTH = (-5.0, 0.0, 5.0), 28.0, 1.2, 2.8
_VALVE_ARM, _HOLDING_ARM = right_arm(17.0, 16.0, bend=1.0), left_arm(19.0, 18.0, bend=-1.0)
_OPEN_PITCHES = (46, 50, 53, 58, 60, 62, 65, 70)  # of a contrabass tuba in B flat, from its fourth partial


def _parts(outfit: Outfit, generator: np.random.Generator) -> list[Part]:
    """Back to front: the left upper arm is behind the bell's tube, the hands are before all."""
    brass: Colour = [(226, 178, 62), (240, 200, 96), (198, 150, 60), (206, 208, 214)][int(generator.integers(4))]
    left, right = arms(outfit, "left"), arms(outfit, "right")
    valves = [draw_valve(number, brass) for number in (1, 2, 3)]
    fingers = [draw_finger(outfit, number) for number in (1, 2, 3)]
    figure = [torso(outfit), left[0], head(outfit, 0.25)]
    return [*figure, *valves, draw_tuba(brass), *left[1:], *right, *fingers]


def _pose(notes: tuple[Note, ...], times_s: Values) -> dict[str, Affine]:
    """Valves by `fingering`; everything that touches the tuba goes with it."""
    blown = blow(notes, times_s, middle_pitch=58)
    lean = _LEAN * blown.lift
    tuba = compose(place(_FOOT_X, _FOOT_Y - _RISE * blown.breath, lean), place(-_FOOT_X, -_FOOT_Y))
    return {
        "torso": place(0.0, 0.0),
        "head": compose(tuba, place(0.0, -1.5)),
        "tuba": tuba,
        **_valves(notes, times_s, tuba),
        **_VALVE_ARM.reach(*apply(tuba, _VALVES_X[0] - 3.2, _VALVES_Y - 7.4), 20.0),
        **_HOLDING_ARM.reach(*apply(tuba, 21.0, 38.0), 175.0),
    }


def fingering(pitch: int) -> tuple[int, ...]:
    """Which of the three valves are down for a sounding MIDI pitch."""
    return valves_down(pitch, _OPEN_PITCHES)


def _valves(notes: tuple[Note, ...], times_s: Values, tuba: Affine) -> dict[str, Affine]:
    placed: dict[str, Affine] = {}
    scale = (_VALVE_SCALE, _VALVE_SCALE)
    for number, (x, pressed) in enumerate(zip(_VALVES_X, presses(notes, times_s, fingering), strict=True), start=1):
        stem_y = _VALVES_Y + _VALVE_DEPTH * pressed
        placed[f"valve_{number}"] = compose(tuba, place(x, stem_y, scale=scale))
        placed[f"finger_{number}"] = compose(tuba, place(x, stem_y - 8.6 * _VALVE_SCALE, scale=scale))
    return placed


def draw_tuba(brass: Colour) -> Part:
    """Front view, drawn where the player at rest holds it."""
    sketch = Sketch()
    _tube(
        sketch,
        brass,
        blob([(-9, 30), (-7, 18), (0, 13), (8, 17), (10, 28), (10, 40), (6, 47), (-1, 48)], closed=False),
        5.0,
    )
    _tube(sketch, brass, blob([(-1, 48), (-4, 42), (-4, 34)], closed=False), 4.0)
    bows = [(23, 18), (23, 42), (19, 54), (7, 58.5), (-6, 54), (-10, 43), (-9, 28)]
    _tube(sketch, brass, blob(bows, closed=False), 10.0)
    _draw_bell(sketch, brass)
    _tube(sketch, brass, blob([(2.6, -5.4), (8, -1), (12.5, 5), (12.5, 20), (8, 30)], closed=False), 2.2)
    light, dark = shade(brass, 1.5), shade(brass, 0.55)
    sketch.fill(oval(_MOUTH_X, _MOUTH_Y, 2.0, 1.5), light, dark, across=((0, -8), (4, -5)))
    for x in _VALVES_X:
        piston = box(x - 2.0, _VALVES_Y - 4.0, x + 2.0, _VALVES_Y + 15.0, 0.9)
        sketch.fill(piston, dark, light, brass, dark, across=((x - 2, 0), (x + 2, 0)))
        sketch.line(polyline((x - 2, _VALVES_Y - 1.6), (x + 2, _VALVES_Y - 1.6)), dark, 0.6)
    return sketch.finish("tuba", "instrument")


def _draw_bell(sketch: Sketch, brass: Colour) -> None:
    light, dark = shade(brass, 1.5), shade(brass, 0.55)
    half = [(15.0, -31.0), (12.0, -27.0), (9.0, -20.0), (7.2, -10.0), (6.2, 5.0), (5.2, 24.0)]
    outline = [(23 - x, y) for x, y in half] + [(23 + x, y) for x, y in reversed(half)]
    sketch.fill(blob(outline), dark, light, brass, dark, across=((13, 0), (33, 0)))
    sketch.fill(oval(23, -31, 15.4, 2.4), shade(brass, 0.8), shade(brass, 0.35), across=((8, -31), (38, -31)))
    sketch.line(oval(23, -31, 15.4, 2.4), light, 0.9)


def _tube(sketch: Sketch, brass: Colour, path: skia.Path, width: float) -> None:
    """A stroked tube with its light along the middle."""
    sketch.line(path, shade(brass, 0.5), width + 0.9, solid=True)
    sketch.line(path, shade(brass, 0.8), width)
    sketch.line(path, brass, 0.7 * width)
    sketch.line(path, shade(brass, 1.5), 0.22 * width)


TUBA = Instrument(
    span=(48, 67),  # its upper register, where it meets the others
    touch=Touch(release_s=0.08, rings=False),
    longest_note_s=math.inf,
    centre=(9.0, 13.0),
    driven=("tuba", "valve_1", "valve_2", "valve_3"),
    parts=_parts,
    pose=_pose,
)
