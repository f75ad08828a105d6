"""A performance as pictures and sound: players on a scene, filmed frame by frame."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import skia
from numpy.typing import NDArray

from stages.performances import acoustics, sampler
from stages.performances.backgrounds import MARGIN
from stages.performances.draws import generator
from stages.performances.geometry import Affine, Values, compose
from stages.performances.players.band import instrument
from stages.performances.sampler import Waveform
from stages.performances.scene import Scene, camera, draw_scene, light_paint, paint_background, standing
from stages.performances.score import SAMPLE_RATE_HZ, Note, Song, draw_song, repeat_long
from stages.performances.score import compose as compose_melody
from stages.performances.sketch import Part


@dataclass(frozen=True, slots=True)
class Take:
    """One video to be made; two equal takes give the same bytes."""

    seed: int
    arrival: str
    instruments: tuple[str, ...]  # left to right
    number: int  # among the takes of the same instruments
    duration_s: float
    frame_rate_hz: int
    side_px: int

    @property
    def words(self) -> tuple[object, ...]:
        """Seed words of all that is drawn for this take."""
        return (self.seed, self.arrival, " ".join(sorted(self.instruments)), self.number)

    @property
    def label(self) -> str:
        """Folder name: the instruments, sorted, joined by a blank."""
        return " ".join(sorted(self.instruments))

    @property
    def times_s(self) -> Values:
        """Time of each frame."""
        return np.arange(round(self.duration_s * self.frame_rate_hz)) / self.frame_rate_hz


@dataclass(frozen=True, slots=True)
class Performance:
    """A take played: notes and waveform of each player, left to right."""

    take: Take
    scene: Scene
    notes: tuple[tuple[Note, ...], ...]
    stems: tuple[Waveform, ...]  # (S,) each, at SAMPLE_RATE_HZ; their sum is the soundtrack


@dataclass(frozen=True, slots=True)
class Cast:
    """Everything drawable of a performance, back to front, with its motion."""

    parts: tuple[Part, ...]
    players: tuple[int, ...]  # of each part
    affines: Affine  # (T, P, 2, 3), part units -> pixels
    camera: Affine  # (T, 2, 3), scene units -> pixels: the background's motion


def perform(take: Take) -> Performance:
    """Compose, play and record a take; melody, timbre and room have generators of their own."""
    song = draw_song(generator(*take.words, "song"))
    notes = tuple(_melody(take, name, player, song) for player, name in enumerate(take.instruments))
    stems = [
        _stem(take, name, player, played)
        for player, (name, played) in enumerate(zip(take.instruments, notes, strict=True))
    ]
    scene = draw_scene(len(take.instruments), *take.words)
    return Performance(take, scene, notes, tuple(acoustics.join(stems)))


def _melody(take: Take, name: str, player: int, song: Song) -> tuple[Note, ...]:
    played = instrument(name)
    melody = compose_melody(played.span, song, take.duration_s, generator(*take.words, player, "melody"))
    return repeat_long(melody, played.longest_note_s)


def _stem(take: Take, name: str, player: int, notes: tuple[Note, ...]) -> Waveform:
    timbre = sampler.draw_timbre(name, generator(*take.words, player, "timbre"))
    touch, num_samples = instrument(name).touch, round(take.duration_s * SAMPLE_RATE_HZ)
    dry = sampler.play(notes, timbre, touch, num_samples, generator(*take.words, player, "tuning"))
    return acoustics.record(dry, acoustics.draw_room(generator(*take.words, player, "room")))


def cast(performance: Performance) -> Cast:
    """Draw every part once and work out where it is in each frame."""
    take, scene, times_s = performance.take, performance.scene, performance.take.times_s
    view = camera(scene, times_s, take.side_px)
    parts, players, affines = list[Part](), list[int](), list[Affine]()
    for player, (name, notes, stand) in enumerate(zip(take.instruments, performance.notes, scene.stands, strict=True)):
        played = instrument(name)
        frame = compose(view, standing(stand, player, played.centre, times_s))
        poses = played.pose(notes, times_s)
        for part in played.parts(stand.outfit, generator(*take.words, player, "varnish")):
            parts.append(part)
            players.append(player)
            affines.append(compose(frame, poses[part.name]))
    return Cast(tuple(parts), tuple(players), np.stack(affines, axis=1), view)


def film(performance: Performance, drawn: Cast) -> Iterator[NDArray[np.uint8]]:
    """The frames, RGB uint8 (side, side * players, 3)."""
    take, scene = performance.take, performance.scene
    background, light = paint_background(scene, take.side_px), light_paint(scene, take.side_px)
    surface = skia.Surface(take.side_px * len(take.instruments), take.side_px)
    scale = take.side_px / 100
    for frame in range(len(take.times_s)):
        with surface as canvas:
            canvas.setMatrix(matrix(drawn.camera[frame]))
            canvas.translate(-MARGIN, -MARGIN)
            canvas.scale(1 / scale, 1 / scale)
            canvas.drawImage(background, 0, 0, skia.SamplingOptions(skia.FilterMode.kLinear))
            for part, affine in zip(drawn.parts, drawn.affines[frame], strict=True):
                canvas.setMatrix(matrix(affine))
                canvas.drawPicture(part.picture)
            canvas.resetMatrix()
            canvas.drawPaint(light)
        yield np.ascontiguousarray(surface.toarray(colorType=skia.kRGBA_8888_ColorType)[..., :3])


def matrix(affine: Affine) -> skia.Matrix:
    """Skia's form of a (2, 3) affine."""
    return skia.Matrix.MakeAll(*(float(value) for value in affine.ravel()), 0.0, 0.0, 1.0)
