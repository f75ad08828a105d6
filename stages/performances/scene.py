"""What surrounds the players: background, light, camera, where each stands. Drawn without knowing the instruments."""

from dataclasses import dataclass

import numpy as np
import skia

from stages.performances.backgrounds import MARGIN, Canvas, paint
from stages.performances.draws import generator
from stages.performances.figure import Outfit, draw_outfit
from stages.performances.geometry import Affine, Values, compose, place
from stages.performances.papers import paint_paper
from stages.performances.sketch import Colour, argb

_LIGHTS: tuple[Colour, ...] = ((255, 250, 240), (255, 232, 196), (214, 230, 255), (240, 240, 240), (255, 222, 214))


@dataclass(frozen=True, slots=True)
class Drift:
    """A slow wander: two sines a coordinate, so that it never jumps."""

    amplitudes: tuple[float, ...]
    rates_hz: tuple[float, ...]
    phases: tuple[float, ...]

    def at(self, times_s: Values) -> Values:
        """Offset at each time, (T,), within the sum of the amplitudes."""
        waves = zip(self.amplitudes, self.rates_hz, self.phases, strict=True)
        return np.sum([a * np.sin(2 * np.pi * r * times_s + p) for a, r, p in waves], axis=0)


@dataclass(frozen=True, slots=True)
class Stand:
    """Where and how one player stands."""

    outfit: Outfit
    x: float  # of the middle of player and instrument, scene units
    y: float
    scale: float
    mirrored: bool
    sway: Drift  # degrees around the hips


@dataclass(frozen=True, slots=True)
class Scene:
    """A set with its camera."""

    background: str  # seed words of the background's generator
    light: Colour
    light_x: float  # 0..1 of the picture's width
    exposure: float
    pan: Drift
    tilt: Drift
    zoom: Drift
    stands: tuple[Stand, ...]  # left to right
    width: float  # of the picture, in units


def draw_scene(num_players: int, *words: object, width: float) -> Scene:
    """A scene from its seed words; each aspect has its own generator. Players share the `width` in equal parts."""
    light, camera = generator(*words, "light"), generator(*words, "camera")
    return Scene(
        background="/".join(map(str, words)),
        light=_LIGHTS[int(light.integers(len(_LIGHTS)))],
        light_x=float(light.uniform(0, 1)),
        exposure=float(light.uniform(0.86, 1.0)),
        pan=draw_drift(1.6, camera),
        tilt=draw_drift(1.0, camera),
        zoom=draw_drift(0.015, camera),
        stands=tuple(_draw_stand(position, width / num_players, *words) for position in range(num_players)),
        width=width,
    )


def draw_drift(size: float, generator: np.random.Generator) -> Drift:
    """A wander of at most `size`, with periods of 5 to 25 s."""
    amplitudes = tuple(float(a) for a in generator.uniform(0.1, 0.5, 2) * size)
    return Drift(
        amplitudes, tuple(map(float, generator.uniform(0.04, 0.2, 2))), tuple(map(float, generator.uniform(0, 6.28, 2)))
    )


def _draw_stand(position: int, share: float, *words: object) -> Stand:
    words = (*words, position)
    where = generator(*words, "stand")
    # Where a player has less than a square, the figure is smaller, though not by as much: neighbours may overlap.
    narrow = (share / 100) ** 0.7
    return Stand(
        outfit=draw_outfit(generator(*words, "outfit")),
        x=(position + 0.5) * share + float(where.uniform(-5, 5)) * narrow,
        y=50.0 + float(where.uniform(-3, 5)),
        scale=float(where.uniform(0.84, 1.0)) * narrow,
        mirrored=bool(where.random() < 0.5),
        sway=draw_drift(1.6, generator(*words, "sway")),
    )


def camera(scene: Scene, times_s: Values, side_px: int) -> Affine:
    """Scene units -> pixels, (T, 2, 3)."""
    zoom = side_px / 100 * (1 + scene.zoom.at(times_s))
    centre_x, centre_y = scene.width / 2, 50.0
    moved = place(-centre_x + scene.pan.at(times_s), -centre_y + scene.tilt.at(times_s))
    return compose(place(centre_x * side_px / 100, centre_y * side_px / 100, 0.0, scale=(zoom, zoom)), moved)


def standing(stand: Stand, centre: tuple[float, float], times_s: Values) -> Affine:
    """A player's own coordinates -> scene units, (T, 2, 3); `centre` of the instrument comes to the stand's place."""
    flip = -1.0 if stand.mirrored else 1.0
    where = place(stand.x, stand.y, 0.0, scale=(flip * stand.scale, stand.scale))
    hips = (0.0, 60.0)
    sway = compose(place(*hips, stand.sway.at(times_s)), place(-hips[0], -hips[1]))
    return compose(where, place(-centre[0], -centre[1]), sway)


def paint_background(scene: Scene, side_px: int, *, shifted: bool) -> skia.Image:
    """The background with its margin, at the picture's resolution; shifted ones are printed papers."""
    scale = side_px / 100
    width, height = scene.width + 2 * MARGIN, 100 + 2 * MARGIN
    surface = skia.Surface(round(width * scale), round(height * scale))
    with surface as canvas:
        canvas.scale(scale, scale)
        draw = paint_paper if shifted else paint
        draw(Canvas(canvas, width, height), generator(scene.background, "background"))
    return surface.makeImageSnapshot()


def light_paint(scene: Scene, side_px: int) -> skia.Paint:
    """Paint that, multiplied over the whole picture, is the scene's light: bright at one side, tinted, dim far away."""
    height = float(side_px)
    width = scene.width / 100 * height
    bright = tuple(int(channel * scene.exposure) for channel in scene.light)
    dim = tuple(int(channel * 0.76) for channel in bright)
    shader = skia.GradientShader.MakeRadial(
        center=skia.Point(scene.light_x * width, 0.25 * height),
        radius=1.25 * width,
        colors=[argb((bright[0], bright[1], bright[2])), argb((dim[0], dim[1], dim[2]))],
    )
    return skia.Paint(Shader=shader, BlendMode=skia.BlendMode.kMultiply)
