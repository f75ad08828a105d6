from dataclasses import replace

import numpy as np
import skia

from stages.performances.film import cast, film, perform
from stages.performances.sketch import Sketch, box, inked
from stages.performances.styles import draw_finish, finish_paint
from tests.synth.performances import PLAIN, take_of

SHIFTED = replace(PLAIN, shifted=True)


def finished(colours: np.ndarray, seed: int) -> np.ndarray:
    """RGB (N, 3) after the finish of a seed."""
    row = np.concatenate([colours, np.full((len(colours), 1), 255)], 1).astype(np.uint8)
    pixels = np.stack([row, row])
    surface = skia.Surface(len(colours), 2)
    with surface as canvas:
        canvas.saveLayer(None, finish_paint(draw_finish(np.random.default_rng(seed))))
        canvas.drawImage(skia.Image.fromarray(pixels, colorType=skia.kRGBA_8888_ColorType), 0, 0)
        canvas.restore()
    return surface.toarray(colorType=skia.kRGBA_8888_ColorType)[0, :, :3]


def test_a_finish_leaves_few_tones_and_white_paper_bright() -> None:
    grey = np.repeat(np.arange(256)[:, None], 3, 1)
    for seed in range(12):
        finish = draw_finish(np.random.default_rng(seed))
        out = finished(grey, seed)
        assert len(np.unique(out, axis=0)) == finish.levels
        assert out[0].max() == 0
        assert out[255].min() > 180


def test_palettes_differ_and_some_have_no_colour() -> None:
    red = np.array([[255, 0, 0], [0, 0, 255]])
    colours = {finished(red, seed).tobytes() for seed in range(12)}
    assert len(colours) > 8
    assert {draw_finish(np.random.default_rng(seed)).tint is None for seed in range(12)} == {True, False}


def test_ink_is_around_the_part_and_counts_as_the_part() -> None:
    sketch = Sketch()
    sketch.fill(box(-4, -4, 4, 4), (200, 60, 60))
    part = inked(sketch.finish("square", "body"), 1.0)
    surface = skia.Surface(20, 20)
    with surface as canvas:
        canvas.clear(skia.ColorWHITE)
        canvas.translate(10, 10)
        canvas.drawPicture(part.picture)
    drawn = surface.toarray(colorType=skia.kRGBA_8888_ColorType)[..., :3]
    assert drawn[10, 10].tolist() == [200, 60, 60]
    assert drawn[10, 5].max() < 30  # 5 to 4 units from the middle
    assert drawn[10, 3].min() == 255
    bounds = part.outlines[0].getBounds()
    assert (bounds.left(), bounds.right()) == (-5.0, 5.0)


def test_a_shifted_take_sounds_and_looks_different_and_plays_the_same_notes() -> None:
    plain, shifted = perform(take_of("violin")), perform(take_of("violin", staging=SHIFTED))
    assert plain.notes == shifted.notes
    assert np.corrcoef(plain.stems[0], shifted.stems[0])[0, 1] < 0.9
    frames = [next(film(one, cast(one))).astype(int) for one in (plain, shifted)]
    assert np.abs(frames[0] - frames[1]).mean() > 20
