import numpy as np
import pytest

from stages.performances.geometry import apply
from stages.performances.scene import camera, draw_drift, draw_scene, paint_background, standing
from tests.synth.performances import stilled

TIMES_S = np.arange(0.0, 12.0, 0.1)


@pytest.mark.parametrize("seed", range(5))
def test_a_drift_stays_within_its_size_and_is_slow(seed: int) -> None:
    drift = draw_drift(2.0, np.random.default_rng(seed)).at(TIMES_S)
    assert np.abs(drift).max() <= 2.0
    assert 0.0 < np.abs(np.diff(drift)).max() < 0.3  # 3 units a second
    assert np.ptp(drift) > 0.1


def test_a_still_camera_maps_units_to_pixels() -> None:
    scene = stilled(draw_scene(2, 1, "words", width=200.0))
    view = camera(scene, TIMES_S, 50)
    assert np.allclose(apply(view, 0.0, 0.0), 0.0)
    assert np.allclose(np.stack(apply(view, 200.0, 100.0), -1), (100.0, 50.0))


def test_the_middle_of_every_instrument_comes_to_the_same_place() -> None:
    scene = stilled(draw_scene(1, 1, "words", width=100.0))
    stand = scene.stands[0]
    for centre in ((0.0, 15.0), (12.0, 9.0)):
        x, y = apply(standing(stand, centre, TIMES_S), *centre)
        assert x == pytest.approx(stand.x)
        assert y == pytest.approx(stand.y)


def test_the_camera_never_leaves_the_background() -> None:
    scene = draw_scene(1, 4, "words", width=100.0)
    view = camera(scene, TIMES_S, 100)
    left, top = apply(view, -14.0, -14.0)
    right, bottom = apply(view, 114.0, 114.0)
    assert left.max() < 0
    assert top.max() < 0
    assert right.min() > 100
    assert bottom.min() > 100


def test_scenes_differ_in_every_respect() -> None:
    scenes = [draw_scene(1, number, "words", width=100.0) for number in range(60)]
    outfits = [scene.stands[0].outfit for scene in scenes]
    for values in (
        {scene.light for scene in scenes},
        {scene.stands[0].mirrored for scene in scenes},
        {outfit.skin for outfit in outfits},
        {outfit.shirt for outfit in outfits},
        {outfit.hair_style for outfit in outfits},
        {outfit.pattern for outfit in outfits},
    ):
        assert len(values) > 1
    for shifted in (False, True):
        pictures = {paint_background(scene, 32, shifted=shifted).toarray().tobytes() for scene in scenes}
        assert len(pictures) == len(scenes)


@pytest.mark.parametrize("num_players", [1, 2, 3])
def test_players_share_the_picture_from_left_to_right(num_players: int) -> None:
    for number in range(20):
        scene = draw_scene(num_players, number, "words", width=100.0)
        places = [stand.x for stand in scene.stands]
        assert places == sorted(places)
        assert 0 < places[0] <= places[-1] < 100
        widest = max(stand.scale for stand in scene.stands)
        assert widest <= num_players**-0.7
