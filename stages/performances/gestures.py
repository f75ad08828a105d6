"""Time courses that notes drive: what moves when, before it is drawn. All take times in seconds, (T,)."""

import numpy as np
from numpy.typing import ArrayLike

from stages.performances.geometry import Values
from stages.performances.score import Note


def ease(progress: Values) -> Values:
    """Smooth step from 0 to 1 with zero speed at both ends; clamped outside."""
    inside = np.clip(progress, 0.0, 1.0)
    return inside * inside * (3 - 2 * inside)


def arrive(times_s: Values, notes: tuple[Note, ...], targets: ArrayLike, *, travel_s: float, rest: float) -> Values:
    """Be at `targets[i]` when note i begins, moving there during the `travel_s` before (less where notes are close).

    `rest` is the value before the first note.
    """
    goals = np.asarray(targets, np.float64)
    value = np.full(len(times_s), rest, np.float64)
    earlier_s, earlier = -np.inf, rest
    for note, goal in zip(notes, goals, strict=True):
        start_s = max(note.start_s - travel_s, earlier_s)
        value += (goal - earlier) * ease((times_s - start_s) / max(note.start_s - start_s, 1e-3))
        earlier_s, earlier = note.start_s, float(goal)
    return value


def bowing(times_s: Values, notes: tuple[Note, ...], *, shortest: float, longest: float) -> Values:
    """Distance of the bow's contact from its middle: turns at every onset, moves while a note sounds, rests else."""
    reaches = [min(max(shortest + 9.0 * (note.end_s - note.start_s), shortest), longest) for note in notes]
    stops = [reach * (1 if i % 2 == 0 else -1) for i, reach in enumerate(reaches)]
    place = np.full(len(times_s), -longest / 2)
    earlier = -longest / 2
    for note, stop in zip(notes, stops, strict=True):
        progress = np.clip((times_s - note.start_s) / (note.end_s - note.start_s), 0.0, 1.0)
        place += (stop - earlier) * progress
        earlier = stop
    return place


def bellows(times_s: Values, notes: tuple[Note, ...], *, speed: float, reach: float) -> Values:
    """How far bellows are open, 0 to `reach`: they move while a note sounds, louder faster, and rest else.

    They turn round at the onset of a note for which there is no room left. A note that finds room in neither direction
    gets the whole way in the roomier one, at less speed.
    """
    opening, way = np.zeros(len(times_s)), 1.0
    earlier = 0.0
    for note in notes:
        wanted = speed * note.velocity * (note.end_s - note.start_s)
        room = {1.0: reach - earlier, -1.0: earlier}
        if room[way] < wanted:
            way = max(room, key=lambda direction: room[direction])
        progress = np.clip((times_s - note.start_s) / (note.end_s - note.start_s), 0.0, 1.0)
        moved = way * min(wanted, room[way])
        opening += moved * progress
        earlier += moved
    return opening


def sounding(times_s: Values, notes: tuple[Note, ...], *, attack_s: float, release_s: float) -> Values:
    """Envelope of breath: the velocity of the note that sounds, 0 in rests."""
    value = np.zeros(len(times_s))
    for note in notes:
        rise = ease((times_s - note.start_s) / attack_s)
        fall = ease((note.end_s - times_s) / release_s)
        value = np.maximum(value, note.velocity * np.minimum(rise, fall))
    return value


def plucking(times_s: Values, notes: tuple[Note, ...], *, stroke_s: float) -> Values:
    """Side of the strings on which the hand is, -1 to 1 by loudness: crosses 0 at each onset, then waits there."""
    sides = [note.velocity * (1 if i % 2 == 0 else -1) for i, note in enumerate(notes)]
    value = np.full(len(times_s), -0.8)
    earlier = -0.8
    for note, side in zip(notes, sides, strict=True):
        # The crossing is placed so that the stroke is at 0, between its two ends, exactly at the onset.
        share = _ease_inverse(-earlier / (side - earlier))
        value += (side - earlier) * ease((times_s - note.start_s) / stroke_s + share)
        earlier = side
    return value


def striking(times_s: Values, notes: tuple[Note, ...], *, down_s: float, up_s: float) -> Values:
    """Height of a mallet's head: 0 at each onset, falling `down_s` before and rising `up_s` after, else still at 1."""
    value = np.ones(len(times_s))
    for note in notes:
        since_s = times_s - note.start_s
        value = np.minimum(value, ease(np.where(since_s < 0, -since_s / down_s, since_s / up_s)))
    return value


def _ease_inverse(value: float) -> float:
    low, high = 0.0, 1.0
    for _ in range(30):
        middle = (low + high) / 2
        low, high = (middle, high) if float(ease(np.asarray(middle))) < value else (low, middle)
    return (low + high) / 2
