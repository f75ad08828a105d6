"""What a player module offers.

A new instrument takes three steps: its voices in infra/render_samples.py, one module like those here that makes an
`Instrument`, and its line in band.py. The tests then hold it to what they hold the others to.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from stages.performances.figure import Outfit
from stages.performances.geometry import Affine, Values
from stages.performances.sampler import Touch
from stages.performances.score import Note
from stages.performances.sketch import Part


@dataclass(frozen=True, slots=True)
class Instrument:
    """An instrument with its player, half-length, in the frame of the player's neck (1 unit is 1 cm, y down)."""

    span: tuple[int, int]  # lowest and highest MIDI pitch that melodies use, inclusive
    touch: Touch  # how notes end
    longest_note_s: float  # longer notes are struck again; infinite where breath or bow can hold them
    centre: tuple[float, float]  # middle of what is drawn, so that the picture's middle does not tell the instrument
    driven: tuple[str, ...]  # the parts that make the sound; hands and arms follow them
    parts: Callable[
        [Outfit, np.random.Generator], list[Part]
    ]  # back to front; the generator varies varnish and the like
    pose: Callable[[tuple[Note, ...], Values], dict[str, Affine]]  # affines (T, 2, 3) or (2, 3): part -> player
