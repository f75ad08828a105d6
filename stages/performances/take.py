"""What is to be made: one video, its players, and how hard it is to see who of them sounds."""

from dataclasses import dataclass

import numpy as np

from stages.performances.draws import generator
from stages.performances.geometry import Values


@dataclass(frozen=True, slots=True)
class Staging:
    """What stands between the sound and the picture."""

    shifted: bool  # the second bank of sounds and the shifted way of drawing
    silent: str | None  # instrument of a further player, in view and never heard
    distracted: bool  # something moves behind the players
    idle: float  # size of the motion in rests, relative to that of playing
    offset_ms: float  # the gestures of a player are off the sound by a constant within +- this
    jitter_ms: float  # and each of them by a draw within +- this


@dataclass(frozen=True, slots=True)
class Take:
    """One video to be made; two equal takes give the same bytes."""

    seed: int
    arrival: str
    instruments: tuple[str, ...]  # that sound, left to right
    number: int  # among the takes of the same instruments
    duration_s: float
    frame_rate_hz: int
    side_px: int
    staging: Staging

    @property
    def words(self) -> tuple[object, ...]:
        """Seed words of all that is drawn for this take."""
        return (self.seed, self.arrival, self.label, self.number)

    @property
    def label(self) -> str:
        """Folder name: the instruments that sound, sorted, joined by a blank."""
        return " ".join(sorted(self.instruments))

    @property
    def silent_at(self) -> int | None:
        """Position of the silent player among all, drawn."""
        if self.staging.silent is None:
            return None
        return int(generator(*self.words, "silent").integers(len(self.instruments) + 1))

    @property
    def players(self) -> tuple[str, ...]:
        """Instruments of all players in view, left to right."""
        if self.silent_at is None or self.staging.silent is None:
            return self.instruments
        return (*self.instruments[: self.silent_at], self.staging.silent, *self.instruments[self.silent_at :])

    @property
    def width(self) -> float:
        """Of the picture, in scene units: a square for each instrument that sounds."""
        return 100.0 * len(self.instruments)

    @property
    def times_s(self) -> Values:
        """Time of each frame."""
        return np.arange(round(self.duration_s * self.frame_rate_hz)) / self.frame_rate_hz
