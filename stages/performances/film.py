"""A performance as pictures and sound: players on a scene, filmed frame by frame."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import skia
from numpy.typing import NDArray

from stages.performances import acoustics, sampler
from stages.performances.backgrounds import MARGIN
from stages.performances.distractors import Moving, draw_distractor
from stages.performances.draws import generator
from stages.performances.geometry import Affine, Values, compose
from stages.performances.idling import fidget, seen
from stages.performances.players.band import instrument
from stages.performances.sampler import Waveform
from stages.performances.scene import Scene, camera, draw_scene, light_paint, paint_background, standing
from stages.performances.score import SAMPLE_RATE_HZ, Note, Song, draw_song, repeat_long
from stages.performances.score import compose as compose_melody
from stages.performances.sketch import Part, inked
from stages.performances.styles import INK_WIDTH, draw_finish, finish_paint
from stages.performances.take import Take


@dataclass(frozen=True, slots=True)
class Performance:
    """A take played, for each player in view from left to right. Who is silent has no notes, and a stem of zeros."""

    take: Take
    scene: Scene
    notes: tuple[tuple[Note, ...], ...]  # as they sound
    shown: tuple[tuple[Note, ...], ...]  # the same notes as the gestures show them
    stems: tuple[Waveform, ...]  # (S,) each, at SAMPLE_RATE_HZ; their sum is the soundtrack


@dataclass(frozen=True, slots=True)
class Cast:
    """Everything drawable of a performance, back to front, with its motion."""

    parts: tuple[Part, ...]
    players: tuple[int | None, ...]  # of each part; None for what is no player's
    affines: Affine  # (T, P, 2, 3), part units -> pixels
    camera: Affine  # (T, 2, 3), scene units -> pixels: the background's motion


def perform(take: Take) -> Performance:
    """Compose, play and record a take; melody, timbre, room and timing have generators of their own."""
    song = draw_song(generator(*take.words, "song"))
    players = range(len(take.players))
    notes = tuple(() if player == take.silent_at else _melody(take, player, song, "melody") for player in players)
    shown = tuple(_shown(take, player, notes[player]) for player in players)
    stems = acoustics.join([_stem(take, player, notes[player]) for player in players])
    scene = draw_scene(len(players), *take.words, width=take.width)
    return Performance(take, scene, notes, shown, tuple(stems))


def _melody(take: Take, player: int, song: Song, purpose: str) -> tuple[Note, ...]:
    played = instrument(take.players[player])
    melody = compose_melody(played.span, song, take.duration_s, generator(*take.words, player, purpose))
    return repeat_long(melody, played.longest_note_s)


def _shown(take: Take, player: int, notes: tuple[Note, ...]) -> tuple[Note, ...]:
    offset_ms, jitter_ms = take.staging.offset_ms, take.staging.jitter_ms
    return seen(notes, offset_ms=offset_ms, jitter_ms=jitter_ms, generator=generator(*take.words, player, "timing"))


def _stem(take: Take, player: int, notes: tuple[Note, ...]) -> Waveform:
    name, num_samples = take.players[player], round(take.duration_s * SAMPLE_RATE_HZ)
    timbre = sampler.draw_timbre(name, generator(*take.words, player, "timbre"), modelled=take.staging.shifted)
    tuning = generator(*take.words, player, "tuning")
    dry = sampler.play(notes, timbre, instrument(name).touch, num_samples, tuning)
    return acoustics.record(dry, acoustics.draw_room(generator(*take.words, player, "room")))


def cast(performance: Performance) -> Cast:
    """Draw every part once and work out where it is in each frame."""
    take, view = performance.take, camera(performance.scene, performance.take.times_s, performance.take.side_px)
    found: list[tuple[int | None, Moving]] = [(None, moving) for moving in _distractor(take)]
    for player in range(len(take.players)):
        found += [(player, moving) for moving in _player(performance, player)]
    finished = [inked(moving.part, INK_WIDTH) if take.staging.shifted else moving.part for _, moving in found]
    affines = np.stack([compose(view, moving.affine) for _, moving in found], axis=1)
    return Cast(tuple(finished), tuple(player for player, _ in found), affines, view)


def _distractor(take: Take) -> list[Moving]:
    if not take.staging.distracted:
        return []
    return draw_distractor(take.width, take.times_s, generator(*take.words, "distractor"))


def _player(performance: Performance, player: int) -> list[Moving]:
    take, stand = performance.take, performance.scene.stands[player]
    played = instrument(take.players[player])
    frame = standing(stand, played.centre, take.times_s)
    poses = _poses(performance, player, take.times_s)
    parts = played.parts(stand.outfit, generator(*take.words, player, "varnish"))
    return [Moving(part, compose(frame, poses[part.name])) for part in parts]


def _poses(performance: Performance, player: int, times_s: Values) -> dict[str, Affine]:
    """The pose by the notes that are shown; in rests, and where there are no notes, some toying with others."""
    take, notes = performance.take, performance.shown[player]
    pose = instrument(take.players[player]).pose
    if take.staging.idle == 0.0:
        return pose(notes, times_s)
    ghosts = _melody(take, player, draw_song(generator(*take.words, player, "idle song")), "idling")
    return fidget(pose, notes, ghosts, times_s, size=take.staging.idle)


def film(performance: Performance, drawn: Cast) -> Iterator[NDArray[np.uint8]]:
    """The frames, RGB uint8 (side, side * instruments that sound, 3)."""
    take, scene = performance.take, performance.scene
    background = paint_background(scene, take.side_px, shifted=take.staging.shifted)
    layer, light = _finish(take, scene)
    surface = skia.Surface(round(take.side_px * take.width / 100), take.side_px)
    for frame in range(len(take.times_s)):
        with surface as canvas:
            canvas.saveLayer(None, layer)
            _draw_frame(canvas, drawn, background, frame=frame, side_px=take.side_px)
            canvas.resetMatrix()
            if light is not None:
                canvas.drawPaint(light)
            canvas.restore()
        yield np.ascontiguousarray(surface.toarray(colorType=skia.kRGBA_8888_ColorType)[..., :3])


def _finish(take: Take, scene: Scene) -> tuple[skia.Paint, skia.Paint | None]:
    """Paint of the layer in which all is drawn, and of the light over it; a print has no light."""
    if take.staging.shifted:
        return finish_paint(draw_finish(generator(*take.words, "finish"))), None
    return skia.Paint(), light_paint(scene, take.side_px)


def _draw_frame(canvas: skia.Canvas, drawn: Cast, background: skia.Image, *, frame: int, side_px: int) -> None:
    canvas.setMatrix(matrix(drawn.camera[frame]))
    canvas.translate(-MARGIN, -MARGIN)
    canvas.scale(100 / side_px, 100 / side_px)
    canvas.drawImage(background, 0, 0, skia.SamplingOptions(skia.FilterMode.kLinear))
    for part, affine in zip(drawn.parts, drawn.affines[frame], strict=True):
        canvas.setMatrix(matrix(affine))
        canvas.drawPicture(part.picture)


def matrix(affine: Affine) -> skia.Matrix:
    """Skia's form of a (2, 3) affine."""
    return skia.Matrix.MakeAll(*(float(value) for value in affine.ravel()), 0.0, 0.0, 1.0)
