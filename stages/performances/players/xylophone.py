"""The xylophonist: a mallet hits the bar of the note at its onset."""

import numpy as np

from stages.performances.figure import Outfit, arms, head, left_arm, right_arm, torso
from stages.performances.geometry import Affine, Values, bone, place
from stages.performances.gestures import arrive, striking
from stages.performances.players.instrument import Instrument
from stages.performances.sampler import Touch
from stages.performances.score import Note
from stages.performances.sketch import Colour, Part, Sketch, box, oval, polygon, polyline, shade

_LOWEST, _HIGHEST = 60, 88
_NATURALS = (0, 2, 4, 5, 7, 9, 11)
_BAR_STEP = 5.1
_NATURAL_Y, _SHARP_Y = 46.0, 33.5  # where bars are hit
_RAISED = 9.0
_ARMS = {"right": right_arm(17.0, 16.0, bend=1.0), "left": left_arm(17.0, 16.0, bend=-1.0)}
_MALLET = 20.0
_SPLIT_X = 9.0  # bars further out than this belong to one hand


def _parts(outfit: Outfit, generator: np.random.Generator) -> list[Part]:
    """Back to front: everything of the player but arms is behind the bars."""
    wood: Colour = [(150, 70, 38), (176, 96, 52), (122, 56, 40), (196, 130, 78)][int(generator.integers(4))]
    ball: Colour = [(200, 50, 60), (60, 90, 170), (236, 226, 200), (60, 130, 90)][int(generator.integers(4))]
    mallets = [draw_mallet("right", ball), draw_mallet("left", ball)]
    right, left = arms(outfit, "right"), arms(outfit, "left")
    upper = [right[0], left[0]]
    return [
        torso(outfit),
        head(outfit, 0.0),
        *upper,
        draw_bars(wood),
        right[1],
        left[1],
        *mallets,
        right[2],
        left[2],
    ]


def _pose(notes: tuple[Note, ...], times_s: Values) -> dict[str, Affine]:
    """Each hand plays its own notes: over the bar before the onset, on it at the onset."""
    hands = share_hands(notes)
    return {
        "torso": place(0.0, 0.0),
        "head": place(0.0, -1.5, 0.0),
        "xylophone": place(0.0, 0.0),
        **_arm("right", tuple(n for n, hand in zip(notes, hands, strict=True) if hand == "right"), times_s),
        **_arm("left", tuple(n for n, hand in zip(notes, hands, strict=True) if hand == "left"), times_s),
    }


def share_hands(notes: tuple[Note, ...]) -> list[str]:
    """Outer bars go to their side's hand, those in the middle alternate."""
    hands: list[str] = []
    for note in notes:
        x = bar(note.pitch)[0]
        other = "left" if hands and hands[-1] == "right" else "right"
        hands.append(other if abs(x) <= _SPLIT_X else ("right" if x < 0 else "left"))
    return hands


def bar(pitch: int) -> tuple[float, float]:
    """Where the bar of a pitch is hit; a sharp's lies between two naturals' and further back."""
    octave, degree = divmod(pitch, 12)
    natural = degree in _NATURALS
    steps = octave * 7 + sum(n < degree for n in _NATURALS) - (0.0 if natural else 0.5)
    lowest = (_LOWEST // 12) * 7
    return (steps - lowest - 8.0) * _BAR_STEP, _NATURAL_Y if natural else _SHARP_Y


def _arm(side: str, notes: tuple[Note, ...], times_s: Values) -> dict[str, Affine]:
    home = -14.0 if side == "right" else 14.0
    spots = [bar(note.pitch) for note in notes]
    x = arrive(times_s, notes, [spot[0] for spot in spots], travel_s=0.16, rest=home)
    y = arrive(times_s, notes, [spot[1] for spot in spots], travel_s=0.16, rest=_NATURAL_Y)
    height = striking(times_s, notes, down_s=0.13, up_s=0.16)
    ball_y = y - _RAISED * height
    hand_x, hand_y = 0.74 * x + 0.45 * home, 0.45 * y + 3.0 - 0.35 * _RAISED * height
    turn = np.rad2deg(np.arctan2(ball_y - hand_y, x - hand_x))
    return {
        f"{side}_mallet": bone((hand_x, hand_y), (x, ball_y), _MALLET),
        **_ARMS[side].reach(hand_x, hand_y, turn),
    }


def draw_bars(wood: Colour) -> Part:
    """Two rows of bars on a frame with resonators, longer on the low side."""
    sketch = Sketch()
    metal, rail = (176, 180, 190), (58, 44, 40)
    edge = 9.0 * _BAR_STEP
    for pitch in range(_LOWEST, _HIGHEST + 1):
        x, y = bar(pitch)
        if y == _NATURAL_Y:
            length = 34 - 0.35 * (x + edge)
            sketch.fill(
                box(x - 1.8, 54, x + 1.8, 54 + length, 1.6),
                shade(metal, 1.3),
                metal,
                shade(metal, 0.55),
                across=((x - 1.8, 0), (x + 1.8, 0)),
            )
    sketch.fill(polygon((-edge, 27), (edge, 29.5), (edge, 34.5), (-edge, 37)), rail)
    sketch.fill(polygon((-edge - 1, 41), (edge + 1, 41), (edge + 1, 53), (-edge - 1, 55)), rail)
    for row in (_SHARP_Y, _NATURAL_Y):
        for pitch in range(_LOWEST, _HIGHEST + 1):
            x, y = bar(pitch)
            if y == row:
                _draw_bar(sketch, wood, (x, y), 8.2 - 0.035 * (x + edge))
    return sketch.finish("xylophone", "instrument")


def _draw_bar(sketch: Sketch, wood: Colour, middle: tuple[float, float], half: float) -> None:
    x, y = middle
    half = half if y == _NATURAL_Y else half * 0.78
    wide = _BAR_STEP * 0.43
    sketch.fill(
        box(x - wide, y - half, x + wide, y + half, 0.9),
        shade(wood, 1.3),
        wood,
        shade(wood, 0.72),
        across=((x - wide, 0), (x + wide, 0)),
    )
    for end in (-1, 1):
        sketch.tint(oval(x, y + end * half * 0.72, 0.6, 0.6), shade(wood, 0.35))
    sketch.line(
        polyline((x - wide * 0.4, y - half * 0.5), (x - wide * 0.4, y + half * 0.5)), (255, 255, 255), 0.5, alpha=0.25
    )


def draw_mallet(side: str, ball: Colour) -> Part:
    """Drawn along x from the hand (0) to the middle of the head."""
    sketch = Sketch()
    sketch.line(polyline((-3.0, 0), (_MALLET, 0)), (226, 192, 140), 1.3, solid=True)
    sketch.fill(
        oval(_MALLET, 0, 2.7, 2.7), shade(ball, 1.2), shade(ball, 0.75), across=((_MALLET - 2, -2), (_MALLET + 2, 3))
    )
    return sketch.finish(f"{side}_mallet", "instrument")


XYLOPHONE = Instrument(
    span=(_LOWEST, 84),
    touch=Touch(release_s=0.05, rings=True),
    longest_note_s=0.34,
    centre=(0.0, 15.0),
    driven=("right_mallet", "left_mallet"),
    parts=_parts,
    pose=_pose,
)
