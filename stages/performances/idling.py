"""Motion that means no sound, and sound that the motion misses by a little: what makes seeing who plays hard."""

from collections.abc import Callable, Sequence

import numpy as np

from stages.performances.geometry import Affine, Values
from stages.performances.gestures import ease
from stages.performances.score import SAMPLE_RATE_HZ, Note

Pose = Callable[[tuple[Note, ...], Values], dict[str, Affine]]

_CLEAR_S = 0.12  # of idling around every note; nobody fidgets in the stroke itself
_SET_IN_S = 0.3


def seen(
    notes: tuple[Note, ...], *, offset_ms: float, jitter_ms: float, generator: np.random.Generator
) -> tuple[Note, ...]:
    """The notes as the player shows them: all late or early by one drawn offset, each by a jitter of its own.

    Args:
        notes: As they sound.
        offset_ms: The offset is uniform within +- this.
        jitter_ms: Each note's jitter is uniform within +- this.
        generator: Source of both.

    Returns:
        As many notes, still in order, none overlapping and none before 0.
    """
    offset_s = float(generator.uniform(-offset_ms, offset_ms)) / 1000
    jitters_s = generator.uniform(-jitter_ms, jitter_ms, len(notes)) / 1000
    shown, free = list[Note](), 0
    for note, jitter_s in zip(notes, jitters_s, strict=True):
        shift = round((offset_s + float(jitter_s)) * SAMPLE_RATE_HZ)
        start = max(free, note.start_sample + shift)
        free = max(start + 1, note.end_sample + shift)
        shown.append(Note(start, free, note.pitch, note.velocity))
    return tuple(shown)


def resting(times_s: Values, notes: Sequence[Note]) -> Values:
    """How far the player is at rest, 0 while a note sounds or is about to, 1 well away from all."""
    value = np.ones(len(times_s))
    for note in notes:
        away_s = np.maximum(note.start_s - times_s, times_s - note.end_s)
        value = np.minimum(value, ease((away_s - _CLEAR_S) / _SET_IN_S))
    return value


def fidget(
    pose: Pose, notes: tuple[Note, ...], ghosts: tuple[Note, ...], times_s: Values, *, size: float
) -> dict[str, Affine]:
    """A pose that plays `notes` and, in rests, toys with `ghosts` at a fraction `size` of a gesture's reach.

    The affines of both poses are mixed linearly: a joint that two parts share stays shared, so that no arm comes apart,
    and while a note sounds the pose is that of the notes alone.
    """
    played, toyed = pose(notes, times_s), pose(ghosts, times_s)
    weight = (size * resting(times_s, notes))[:, None, None]
    return {name: affine + weight * (toyed[name] - affine) for name, affine in played.items()}
