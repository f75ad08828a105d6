"""What is known about a performance and no learner may see: who sounds when, what covers which pixel, how it moves.

`<name>.npz` of a video of T frames, P parts, height H and width W pixels:
    part_ids  uint8 (T, H / 2, W / 2): 0 is the background, p + 1 is part p. Cell (i, j) is what covers the point
              (2 j + 1, 2 i + 1), in pixels from the picture's upper left corner.
    affines   float32 (T, P + 1, 2, 3): from a part's own coordinates to pixels; entry 0 is the background. What lies at
              x in frame t and belongs to entry e lies at A[t+1, e] A[t, e]^-1 x in frame t + 1.
`<name>.<player>.flac`: each sounding player's own sound, where several sound. The sum of the stems is the soundtrack,
before its coding.
`index.json`: the generator's version; for each video its path, the sha256 of its bytes, whether it is shifted, all
players in view from left to right (instrument, whether silent, notes as half-open sample intervals, and `shown`, the
intervals at which their gestures show these notes), and the parts (name, player or null, role). Affines are those of
what is drawn, fidgeting and mistiming included.
"""

import io
from pathlib import Path
from typing import Any

import numpy as np
import skia
import soundfile
from numpy.typing import NDArray

from stages.performances.film import Cast, Performance, matrix
from stages.performances.geometry import Affine, apply, compose, invert
from stages.performances.players.band import instrument
from stages.performances.sampler import Waveform
from stages.performances.score import SAMPLE_RATE_HZ, Note
from stages.shards.files import replacing

CELL_PX = 2  # side of a cell of part_ids


def part_ids(performance: Performance, drawn: Cast) -> NDArray[np.uint8]:
    """What covers each cell, (T, H / CELL_PX, W / CELL_PX): 0 for the background, p + 1 for part p."""
    take = performance.take
    height, width = take.side_px // CELL_PX, round(take.side_px * take.width / 100) // CELL_PX
    surface = skia.Surface(width, height)
    # Without smoothing an edge belongs to the one or the other, never to a part whose number lies between.
    paints = [skia.Paint(AntiAlias=False, Color=skia.Color(p + 1, 0, 0)) for p in range(len(drawn.parts))]
    ids = np.empty((len(take.times_s), height, width), np.uint8)
    for frame, affines in enumerate(drawn.affines):
        with surface as canvas:
            canvas.clear(skia.ColorBLACK)
            for part, paint, affine in zip(drawn.parts, paints, affines, strict=True):
                canvas.setMatrix(matrix(affine / CELL_PX))
                for outline in part.outlines:
                    canvas.drawPath(outline, paint)
        ids[frame] = surface.toarray(colorType=skia.kRGBA_8888_ColorType)[..., 0]
    return ids


def entry_affines(drawn: Cast) -> Affine:
    """Affines of the background and of every part, (T, P + 1, 2, 3), in the order of part_ids' values."""
    return np.concatenate([drawn.camera[:, None], drawn.affines], axis=1)


def displace(
    affines: Affine, frame: int, points: tuple[NDArray[np.floating], NDArray[np.floating]], ids: NDArray[np.integer]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Where points that belong to the entries `ids` in `frame` lie in the next one.

    Args:
        affines: (T, P + 1, 2, 3).
        frame: Less than T - 1.
        points: x and y in pixels, any shape.
        ids: Entry of each point, the same shape.
    """
    moved = compose(affines[frame + 1].astype(np.float64), invert(affines[frame].astype(np.float64)))
    return apply(moved[ids], *points)


def write(folder: Path, performance: Performance, drawn: Cast) -> None:
    """Write `truth.npz`, and where several players sound `stem<player>.flac`, into a video's folder."""
    ids, affines = part_ids(performance, drawn), entry_affines(drawn).astype(np.float32)
    with replacing(folder / "truth.npz") as temporary, temporary.open("wb") as handle:
        np.savez_compressed(handle, part_ids=ids, affines=affines)
    sounding = [player for player in range(len(performance.stems)) if player != performance.take.silent_at]
    for player in sounding if len(sounding) > 1 else ():
        _write_stem(folder / f"stem{player}.flac", performance.stems[player])


def describe(performance: Performance, drawn: Cast) -> dict[str, Any]:
    """The video's entry of index.json, less its path and hash."""
    take = performance.take
    return {
        "label": take.label,
        "shifted": take.staging.shifted,
        "frame_rate_hz": take.frame_rate_hz,
        "num_frames": len(take.times_s),
        "sample_rate_hz": SAMPLE_RATE_HZ,
        "cell_px": CELL_PX,
        "players": [_player(performance, player) for player in range(len(take.players))],
        "parts": [
            {"name": part.name, "player": player, "role": part.role}
            for part, player in zip(drawn.parts, drawn.players, strict=True)
        ],
    }


def _player(performance: Performance, player: int) -> dict[str, Any]:
    take, shown = performance.take, performance.shown[player]
    return {
        "instrument": take.players[player],
        "silent": player == take.silent_at,
        "driven": instrument(take.players[player]).driven,
        "notes": _rows(performance.notes[player]),
        "shown": [[note.start_sample, note.end_sample] for note in shown],
    }


def _rows(notes: tuple[Note, ...]) -> list[list[float]]:
    """start_sample, end_sample, MIDI pitch, velocity."""
    return [[note.start_sample, note.end_sample, note.pitch, round(note.velocity, 4)] for note in notes]


def _write_stem(path: Path, stem: Waveform) -> None:
    encoded = io.BytesIO()
    soundfile.write(encoded, stem.astype(np.float32), SAMPLE_RATE_HZ, format="FLAC", subtype="PCM_16")
    with replacing(path) as temporary:
        temporary.write_bytes(encoded.getvalue())
