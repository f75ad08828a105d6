"""The human figure: clothes and face drawn without knowing the instrument, and the arms that reach for it.

Origin: the base of the neck. Right and left are the player's own: the right arm is on the picture's left.
"""

from dataclasses import dataclass

import numpy as np

from stages.performances.geometry import Affine, Values, bone, elbow, place
from stages.performances.sketch import Colour, Part, Sketch, blend, blob, box, limb, oval, polygon, polyline, shade

UPPER_ARM = 19.0
FOREARM = 18.0
SHOULDER_X, SHOULDER_Y = 14.5, 6.0

_SKINS: tuple[Colour, ...] = (
    (255, 224, 196),
    (241, 194, 150),
    (224, 172, 125),
    (198, 134, 88),
    (141, 85, 52),
    (94, 58, 40),
)
_HAIRS: tuple[Colour, ...] = (
    (32, 26, 26),
    (66, 42, 28),
    (120, 74, 38),
    (190, 140, 72),
    (226, 190, 120),
    (150, 52, 30),
    (170, 170, 172),
)
_CLOTHES: tuple[Colour, ...] = (
    (178, 44, 50), (226, 120, 52), (232, 190, 70), (70, 140, 84), (38, 96, 104), (52, 100, 176), (40, 52, 96),
    (120, 70, 150), (206, 100, 142), (240, 238, 228), (110, 114, 122), (36, 38, 44), (150, 110, 80), (130, 180, 206),
)  # fmt: skip
HAIR_STYLES = ("short", "long", "bun", "curly", "bald", "parted")
PATTERNS = ("plain", "stripes", "jacket", "buttons", "hoops", "vest")


@dataclass(frozen=True, slots=True)
class Outfit:
    """Everything about a person that has nothing to do with music."""

    skin: Colour
    hair: Colour
    hair_style: str
    shirt: Colour
    second: Colour
    pattern: str
    long_sleeves: bool
    glasses: bool
    beard: bool
    width: float  # of the torso, relative to the usual


def draw_outfit(generator: np.random.Generator) -> Outfit:
    """One of many people."""
    shirt, second = (_CLOTHES[int(i)] for i in generator.choice(len(_CLOTHES), 2, replace=False))
    return Outfit(
        skin=_SKINS[int(generator.integers(len(_SKINS)))],
        hair=_HAIRS[int(generator.integers(len(_HAIRS)))],
        hair_style=HAIR_STYLES[int(generator.integers(len(HAIR_STYLES)))],
        shirt=shirt,
        second=second,
        pattern=PATTERNS[int(generator.integers(len(PATTERNS)))],
        long_sleeves=bool(generator.random() < 0.6),
        glasses=bool(generator.random() < 0.25),
        beard=bool(generator.random() < 0.25),
        width=float(generator.uniform(0.92, 1.1)),
    )


def torso(outfit: Outfit) -> Part:
    """Neck, shoulders and chest, far enough down to leave the picture."""
    sketch = Sketch()
    wide = outfit.width
    body = blob(
        [(-5.0, 1.2), (-10 * wide, 3.4), (-16 * wide, 6.5), (-17.6 * wide, 14), (-15.5 * wide, 32), (-15.8 * wide, 60),
         (-17 * wide, 110), (17 * wide, 110), (15.8 * wide, 60), (15.5 * wide, 32), (17.6 * wide, 14),
         (16 * wide, 6.5), (10 * wide, 3.4), (5.0, 1.2)]
    )  # fmt: skip
    sketch.fill(body, shade(outfit.shirt, 1.1), shade(outfit.shirt, 0.72), across=((-6, 0), (14, 50)))
    sketch.canvas.save()
    sketch.inside(body)
    _PATTERN_PAINTERS[outfit.pattern](sketch, outfit)
    sketch.canvas.restore()
    skin = outfit.skin
    sketch.fill(polygon((-4.6, 2.2), (0, 7.5), (4.6, 2.2), (4.0, -2), (-4.0, -2)), skin)
    sketch.fill(box(-4.0, -7, 4.0, 3.4, 2.4), shade(skin, 0.84), skin, across=((0, -5), (0, 3)))
    sketch.line(polyline((-5.2, 1.4), (0, 8.0), (5.2, 1.4)), shade(outfit.shirt, 0.6), 0.9)
    return sketch.finish("torso", "body")


def _stripes(sketch: Sketch, outfit: Outfit) -> None:
    for x in range(-24, 25, 6):
        sketch.tint(box(x - 1.1, 0, x + 1.1, 112), outfit.second, alpha=0.8)


def _hoops(sketch: Sketch, outfit: Outfit) -> None:
    for y in range(10, 112, 8):
        sketch.tint(box(-30, y, 30, y + 3.6), outfit.second, alpha=0.85)


def _jacket(sketch: Sketch, outfit: Outfit) -> None:
    white = (240, 240, 236)
    sketch.tint(polygon((-5, 1), (5, 1), (2.6, 40), (-2.6, 40)), white)
    sketch.tint(polygon((-1.4, 7), (1.4, 7), (2.0, 30), (0, 33), (-2.0, 30)), outfit.second)
    for side in (-1, 1):
        lapel = polygon((side * 5.2, 0.8), (side * 9.6, 8), (side * 7, 13), (side * 2.4, 38), (side * 1.6, 30))
        sketch.tint(lapel, shade(outfit.shirt, 0.62))


def _buttons(sketch: Sketch, outfit: Outfit) -> None:
    sketch.line(polyline((0, 7), (0, 112)), shade(outfit.shirt, 0.66), 0.7)
    for y in range(13, 100, 8):
        sketch.tint(oval(0, y, 0.8, 0.8), outfit.second)


def _vest(sketch: Sketch, outfit: Outfit) -> None:
    for side in (-1, 1):
        panel = polygon(
            (side * 5.5, 1), (side * 12.5, 3), (side * 12, 16), (side * 19, 112), (side * 0.3, 112), (side * 0.3, 22)
        )
        sketch.tint(panel, shade(outfit.second, 1.05), shade(outfit.second, 0.75), across=((0, 0), (6, 60)))


def _plain(sketch: Sketch, outfit: Outfit) -> None:
    for side in (-1, 1):
        fold = blob([(side * 12.5, 14), (side * 11.5, 22), (side * 12.4, 34)], closed=False)
        sketch.line(fold, shade(outfit.shirt, 0.6), 0.8, alpha=0.6)


_PATTERN_PAINTERS = {
    "plain": _plain,
    "stripes": _stripes,
    "jacket": _jacket,
    "buttons": _buttons,
    "hoops": _hoops,
    "vest": _vest,
}


def arms(outfit: Outfit, side: str) -> list[Part]:
    """Upper arm, forearm and hand of one side: `<side>_upper_arm`, `<side>_forearm`, `<side>_hand`."""
    return [_upper_arm(outfit, side), _forearm(outfit, side), _hand(outfit, side)]


def _upper_arm(outfit: Outfit, side: str) -> Part:
    sketch = Sketch()
    light, dark = shade(outfit.shirt, 1.08), shade(outfit.shirt, 0.74)
    if outfit.long_sleeves:
        sketch.fill(limb(UPPER_ARM, 5.0, 4.0), light, dark, across=((0, -4), (0, 4)))
    else:
        sketch.fill(limb(UPPER_ARM, 4.2, 3.4), outfit.skin, shade(outfit.skin, 0.8), across=((0, -4), (0, 4)))
        sketch.fill(limb(9.5, 5.0, 4.6), light, dark, across=((0, -4), (0, 4)))
    return sketch.finish(f"{side}_upper_arm", "body")


def _forearm(outfit: Outfit, side: str) -> Part:
    sketch = Sketch()
    sketch.fill(limb(FOREARM, 3.4, 2.3), outfit.skin, shade(outfit.skin, 0.8), across=((0, -4), (0, 4)))
    if outfit.long_sleeves:
        light, dark = shade(outfit.shirt, 1.08), shade(outfit.shirt, 0.74)
        sketch.fill(limb(FOREARM - 3.4, 4.0, 3.0), light, dark, across=((0, -4), (0, 4)))
        sketch.line(polyline((FOREARM - 1.0, -2.5), (FOREARM - 1.0, 2.5)), shade(outfit.shirt, 0.6), 0.8)
    return sketch.finish(f"{side}_forearm", "body")


def _hand(outfit: Outfit, side: str) -> Part:
    """A loosely closed hand around the origin; fingers towards +x, thumb towards -y."""
    sketch = Sketch()
    skin, dark = outfit.skin, shade(outfit.skin, 0.68)
    sketch.fill(blob([(-2.8, -2.0), (0.5, -2.9), (2.6, -1.6), (2.8, 1.4), (0.8, 2.9), (-2.6, 2.2)]), skin)
    for y in (-1.7, -0.4, 0.9, 2.1):
        finger = polyline((0.6, y), (3.6 - 0.25 * abs(y), y + 0.2))
        sketch.line(finger, dark, 1.75, solid=True)
        sketch.line(finger, skin, 1.35)
    thumb = polyline((-1.4, -1.9), (1.6, -3.2))
    sketch.line(thumb, dark, 1.9, solid=True)
    sketch.line(thumb, skin, 1.5)
    return sketch.finish(f"{side}_hand", "body")


@dataclass(frozen=True, slots=True)
class Arm:
    """How one arm reaches: lengths as seen (foreshortened), the elbow's side."""

    side: str
    lengths: tuple[float, float]
    bend: float  # +1 or -1
    shoulder: tuple[float, float]

    def reach(self, x: Values, y: Values, angle: Values | float) -> dict[str, Affine]:
        """Affines of the arm's parts with the hand at (x, y), turned by `angle`."""
        return self.through(elbow(self.shoulder, (x, y), self.lengths, bend=self.bend), (x, y), angle)

    def through(
        self, bent: tuple[Values, Values], hand: tuple[Values, Values], angle: Values | float
    ) -> dict[str, Affine]:
        """The same with the elbow given."""
        return {
            f"{self.side}_upper_arm": bone(self.shoulder, bent, UPPER_ARM),
            f"{self.side}_forearm": bone(bent, hand, FOREARM),
            f"{self.side}_hand": place(*hand, angle),
        }


def right_arm(upper: float, lower: float, *, bend: float) -> Arm:
    """The arm at the picture's left."""
    return Arm("right", (upper, lower), bend, (-SHOULDER_X, SHOULDER_Y))


def left_arm(upper: float, lower: float, *, bend: float) -> Arm:
    """The arm at the picture's right."""
    return Arm("left", (upper, lower), bend, (SHOULDER_X, SHOULDER_Y))


def head(outfit: Outfit, turn: float) -> Part:
    """Head and hair; `turn` -1..1 looks to the picture's left or right. Origin: top of the neck."""
    sketch = Sketch()
    skin, shift = outfit.skin, 4.4 * turn
    _back_hair(sketch, outfit, turn)
    for side in (-1, 1):
        if side * turn < 0.45:
            x = side * (8.6 - abs(shift) * 0.2) - shift * 0.35
            sketch.fill(oval(x, -11.5, 1.7, 2.6), shade(skin, 0.85))
    skull = blob(
        [(-8.4, -15), (-5.8, -22.5), (0, -24.8), (5.8, -22.5), (8.4, -15), (7.6 + shift * 0.2, -7),
         (4.2 + shift * 0.45, -2.0), (shift * 0.5, -0.6), (-4.2 + shift * 0.45, -2.0), (-7.6 + shift * 0.2, -7)]
    )  # fmt: skip
    sketch.fill(skull, shade(skin, 1.06), skin, shade(skin, 0.8), across=((-8, -16), (10, -4)))
    if outfit.beard:
        _beard(sketch, outfit, shift)
    _face(sketch, outfit, shift, turn)
    _front_hair(sketch, outfit, turn)
    return sketch.finish("head", "body")


def _face(sketch: Sketch, outfit: Outfit, shift: float, turn: float) -> None:
    skin, ink = outfit.skin, (44, 30, 28)
    apart = 3.5 * (1 - 0.3 * abs(turn))
    brow = blend(shade(outfit.hair, 0.7), ink, 0.4)
    for side in (-1, 1):
        x = shift + side * apart
        sketch.tint(oval(x, -12.6, 1.35, 1.05), (252, 250, 246))
        sketch.tint(oval(x + 0.35 * turn, -12.5, 0.85, 0.95), ink)
        sketch.line(blob([(x - 1.7, -15.1), (x, -15.8), (x + 1.7, -15.1)], closed=False), brow, 0.9)
        sketch.tint(oval(x + side * 0.6, -8.2, 1.7, 1.1), (220, 90, 80), alpha=0.22)
        if outfit.glasses:
            sketch.line(oval(x, -12.5, 2.4, 2.2), (30, 30, 34), 0.6)
    if outfit.glasses:
        sketch.line(polyline((shift - apart + 2.4, -12.7), (shift + apart - 2.4, -12.7)), (30, 30, 34), 0.6)
    tip = shift + turn * 1.5
    nose = blob([(shift + 0.2 * turn, -12.2), (tip + 0.7, -8.6), (tip, -8.0), (tip - 1.0, -8.4)], closed=False)
    sketch.line(nose, shade(skin, 0.66), 0.8)
    sketch.line(blob([(shift - 2.1, -5.2), (shift, -4.5), (shift + 2.1, -5.2)], closed=False), (160, 62, 58), 1.0)


def _beard(sketch: Sketch, outfit: Outfit, shift: float) -> None:
    hair = blend(outfit.hair, outfit.skin, 0.15)
    sketch.tint(
        blob([(-8.0, -11), (-6.4, -4), (-3.6 + shift * 0.4, -0.4), (shift * 0.5, 0.6), (3.6 + shift * 0.4, -0.4),
              (6.4, -4), (8.0, -11), (5.6 + shift * 0.3, -6.6), (shift, -6.6), (-5.6 + shift * 0.3, -6.6)]),
        hair,
    )  # fmt: skip


def _back_hair(sketch: Sketch, outfit: Outfit, turn: float) -> None:
    hair, back = shade(outfit.hair, 0.82), -2.2 * turn
    if outfit.hair_style == "long":
        sketch.fill(
            blob(
                [
                    (-9.6 + back, -18),
                    (0, -26),
                    (9.6 + back, -18),
                    (11 + back, -4),
                    (8.5 + back, 4),
                    (-8.5 + back, 4),
                    (-11 + back, -4),
                ]
            ),
            hair,
        )
    if outfit.hair_style == "bun":
        sketch.fill(oval(back * 2.2, -27.2, 4.4, 3.8), hair)
    if outfit.hair_style == "curly":
        for x, y in (
            (-8, -19),
            (-9.8, -14),
            (8, -19),
            (9.8, -14),
            (-9.4, -9),
            (9.4, -9),
            (0, -25),
            (-5, -24),
            (5, -24),
        ):
            sketch.fill(oval(x + back, y, 4.2, 4.0), hair)


def _front_hair(sketch: Sketch, outfit: Outfit, turn: float) -> None:
    if outfit.hair_style == "bald":
        sketch.tint(oval(-2.5, -20.5, 2.6, 1.4), (255, 255, 255), alpha=0.25)
        return
    shift = 2.4 * turn
    light, dark = shade(outfit.hair, 1.12), shade(outfit.hair, 0.8)
    fringe = [
        (-9.0, -11.5),
        (-9.3, -18),
        (-6.2, -24.4),
        (0, -26.6),
        (6.2, -24.4),
        (9.3, -18),
        (9.0, -11.5),
        (7.4, -15.5),
    ]
    if outfit.hair_style == "parted":
        fringe += [(6.0 + shift, -18.4), (-2.5 + shift, -21.5), (-5.5 + shift, -18), (-7.6, -14.5)]
    else:
        fringe += [(5.0 + shift, -18.2), (0.4 + shift, -19.4), (-5.0 + shift, -18.0), (-7.6, -15.5)]
    sketch.fill(blob(fringe), light, outfit.hair, dark, across=((-8, -24), (9, -14)))
    if outfit.hair_style == "curly":
        for x, y in ((-6.5, -20.5), (-2.4, -22.5), (2.4, -22.5), (6.5, -20.5)):
            sketch.fill(oval(x, y, 3.2, 2.9), shade(outfit.hair, 0.95))
