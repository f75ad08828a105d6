"""What wind players share: breath that lifts, and fingers that go down by the fingering of the pitch."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from stages.performances.figure import Arm, Outfit
from stages.performances.geometry import Affine, Values, apply, compose, place
from stages.performances.gestures import arrive, sounding
from stages.performances.score import Note
from stages.performances.sketch import Part, Sketch, blob, oval, shade

Fingering = Callable[[int], tuple[int, ...]]  # sounding MIDI pitch -> 1 where a finger is down

_ANY_PITCH = 69


@dataclass(frozen=True, slots=True)
class Blowing:
    """How hard the player blows, (T,) each; both are 0 in rests."""

    breath: Values  # velocity of the note that sounds
    lift: Values  # the same, more for high notes


def blow(notes: tuple[Note, ...], times_s: Values, *, middle_pitch: int) -> Blowing:
    """Breath rises and falls with each note, so that onsets show even where no finger moves."""
    breath = sounding(times_s, notes, attack_s=0.07, release_s=0.12)
    high = arrive(times_s, notes, [(note.pitch - middle_pitch) / 12 for note in notes], travel_s=0.08, rest=0.0)
    return Blowing(breath, breath * (1.0 + 0.35 * high))


def presses(notes: tuple[Note, ...], times_s: Values, fingering: Fingering) -> list[Values]:
    """How far each finger is down, 0 to 1, (T,) each: in place when the note begins, all up before the first."""
    patterns = [fingering(note.pitch) for note in notes]
    num_fingers = len(fingering(_ANY_PITCH))  # there are fingers even where there is no note
    return [
        arrive(times_s, notes, [pattern[finger] for pattern in patterns], travel_s=0.07, rest=0.0)
        for finger in range(num_fingers)
    ]


@dataclass(frozen=True, slots=True)
class Grip:
    """A hand beside a tube that is drawn along x, with three fingers that reach across it."""

    arm: Arm
    along: float  # the middle finger's place
    spread: float  # from one finger to the next
    across: float  # the hand's place: beyond the tube's lower edge where positive, its upper where negative
    raised: float  # how far across a raised finger's tip is from the tube's middle

    @property
    def stops(self) -> tuple[float, float, float]:
        """Where along the tube the fingers come down."""
        return self.along - self.spread, self.along, self.along + self.spread

    def hold(self, tube: Affine, pressed: list[Values]) -> dict[str, Affine]:
        """Affines of arm, hand and fingers; `pressed` has one (T,) for each finger, from the mouth downwards."""
        hand, middle = apply(tube, self.along, self.across), apply(tube, self.along, 0.0)
        turn = np.rad2deg(np.arctan2(middle[1] - hand[1], middle[0] - hand[0]))
        placed = self.arm.reach(*hand, turn)
        for number, (x, down) in enumerate(zip(self.stops, pressed, strict=True), start=1):
            finger = place(x, self.raised * (1 - down), scale=(1.0, float(np.sign(self.across))))
            placed[f"{self.arm.side}_finger_{number}"] = compose(tube, finger)
        return placed


def draw_fingers(outfit: Outfit, side: str, length: float) -> list[Part]:
    """Three fingers, each with its tip at the origin; the hand, drawn later, hides the end at (0, length)."""
    return [_draw_finger(outfit, f"{side}_finger_{number}", length) for number in (1, 2, 3)]


def _draw_finger(outfit: Outfit, name: str, length: float) -> Part:
    sketch = Sketch()
    finger = blob([(0.3, length), (-0.3, 0.5 * length), (0.0, 0.0)], closed=False)
    sketch.line(finger, shade(outfit.skin, 0.62), 2.5, solid=True)
    sketch.line(finger, outfit.skin, 1.9)
    sketch.tint(oval(0.0, -0.2, 0.55, 0.6), shade(outfit.skin, 1.35))
    return sketch.finish(name, "body")
