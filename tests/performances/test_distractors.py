from collections.abc import Callable

import numpy as np
import pytest

from stages.performances.distractors import DISTRACTORS, Moving, draw_distractor
from stages.performances.geometry import Values

Kind = Callable[[float, Values, np.random.Generator], list[Moving]]
TIMES_S = np.arange(0.0, 9.0, 1 / 24)


@pytest.mark.parametrize("kind", DISTRACTORS)
@pytest.mark.parametrize("seed", range(4))
def test_it_moves_without_jumps_by_maps_that_can_be_undone(kind: Kind, seed: int) -> None:
    moving = kind(200.0, TIMES_S, np.random.default_rng(seed))
    affines = np.stack([one.affine for one in moving])
    assert affines.shape == (len(moving), len(TIMES_S), 2, 3)
    assert np.ptp(affines, axis=1).max() > 0.2
    assert np.abs(np.diff(affines[..., 2], axis=1)).max() < 3.0  # units a frame
    assert np.abs(np.linalg.det(affines[..., :2])).min() > 0.01
    assert {one.part.role for one in moving} == {"distractor"}
    assert len({one.part.name for one in moving}) == len(moving)
    assert all(one.part.outlines for one in moving)


def test_each_kind_comes() -> None:
    names = {draw_distractor(100.0, TIMES_S[:2], np.random.default_rng(seed))[0].part.name for seed in range(40)}
    assert names == {"passer_by_torso", "leaf_1", "tail", "bracket"}
