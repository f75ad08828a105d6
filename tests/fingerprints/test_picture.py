import numpy as np
import pytest
from numpy.typing import NDArray

from stages.fingerprints.picture import shared_pictures, signatures

Frame = NDArray[np.uint8]


def scene(seed: int, height: int = 96, width: int = 128) -> Frame:
    """Blocks of grey that no other seed has."""
    blocks = np.random.default_rng(seed).integers(30, 220, (6, 8, 1), dtype=np.uint8)
    return np.repeat(np.kron(blocks[..., 0], np.ones((height // 6, width // 8), np.uint8))[..., None], 3, axis=2)


def share(one: list[Frame], other: list[Frame]) -> float:
    found = shared_pictures([signatures(one), signatures(other)], np.arange(2), min_likeness=0.98)
    return float(found[0, 2]) if len(found) else 0.0


def degraded(frame: Frame, seed: int = 1) -> Frame:
    """Darker, of less contrast, with noise."""
    noise = np.random.default_rng(seed).normal(0, 6, frame.shape)
    return np.clip(0.7 * frame + 10 + noise, 0, 255).astype(np.uint8)


@pytest.mark.parametrize("change", [lambda f: f, lambda f: f[:, ::-1], lambda f: f[::2, ::2], degraded])
def test_copies_are_found_mirrored_smaller_and_noisier(change: object) -> None:
    frames = [scene(seed) for seed in range(4)]
    assert callable(change)
    assert share(frames, [change(frame) for frame in frames]) == 1.0


def test_other_scenes_and_pictures_upside_down_are_none() -> None:
    assert share([scene(1)], [scene(2)]) == 0.0
    assert share([scene(1)], [scene(1)[::-1]]) == 0.0


def test_the_share_is_that_of_the_video_that_is_contained_in_the_other() -> None:
    long, short = [scene(seed) for seed in range(8)], [scene(3), scene(4), scene(99), scene(98)]
    assert share(long, short) == share(short, long) == 0.5


def test_flat_pictures_are_no_evidence() -> None:
    black = [np.zeros((48, 64, 3), np.uint8), np.full((48, 64, 3), 90, np.uint8)]
    assert signatures(black).shape == (0, 256)
    assert share(black, black) == 0.0
    assert share([*black, scene(1)], [*black, scene(1)]) == 1.0


def test_videos_of_one_group_are_not_compared() -> None:
    same = signatures([scene(1)])
    assert shared_pictures([same, same, same], np.array([0, 0, 1]), min_likeness=0.98).tolist() == [
        [0, 2, 1.0],
        [1, 2, 1.0],
    ]
