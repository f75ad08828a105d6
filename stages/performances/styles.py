"""How a picture is finished: as painted, or the shifted way, with ink lines, few flat tones and another palette."""

from dataclasses import dataclass

import numpy as np
import skia

INK_WIDTH = 0.9  # of the line around every part, units
_LUMA = (0.299, 0.587, 0.114)
_TINTS = ((1.0, 1.0, 1.0), (1.0, 0.93, 0.8), (0.86, 0.94, 1.0))  # of the pictures without colour


@dataclass(frozen=True, slots=True)
class Finish:
    """The palette of one shifted video, drawn without knowing the instrument."""

    hue_turn: float  # radians by which colours go round
    tint: tuple[float, float, float] | None  # of a picture without colour; None keeps colours
    levels: int  # tones of each channel


def draw_finish(generator: np.random.Generator) -> Finish:
    """Comic colours of 3 to 4 tones a channel with hues gone round, or one time in three a tinted grey of 4 to 5."""
    turn = float(generator.uniform(0.5, 5.8))
    tint = _TINTS[int(generator.integers(len(_TINTS)))] if generator.random() < 1 / 3 else None
    return Finish(turn, tint, int(generator.integers(3, 5)) + (tint is not None))


def finish_paint(finish: Finish) -> skia.Paint:
    """Paint of a layer that gives all that is drawn in it the palette."""
    matrix = _hues(finish.hue_turn) if finish.tint is None else np.outer(finish.tint, _LUMA)
    rows = np.zeros((4, 5))
    rows[:3, :3], rows[3, 3] = matrix, 1.0
    tones = [round(255 * round(i / 255 * (finish.levels - 1)) / (finish.levels - 1)) for i in range(256)]
    turned, flat = skia.ColorFilters.Matrix(rows.ravel().tolist()), skia.TableColorFilter.Make(tones)
    # Few tones first: the tint then colours them all, the white of the paper too.
    return skia.Paint(ColorFilter=skia.ColorFilters.Compose(turned, flat))


def _hues(turn: float) -> np.ndarray:
    """Rotation of RGB about its grey axis (Rodrigues' formula)."""
    axis = np.full(3, 3**-0.5)
    cross = np.array([[0, -axis[2], axis[1]], [axis[2], 0, -axis[0]], [-axis[1], axis[0], 0]])
    return np.cos(turn) * np.eye(3) + np.sin(turn) * cross + (1 - np.cos(turn)) * np.outer(axis, axis)
