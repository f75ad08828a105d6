import numpy as np
import pytest
from scipy import linalg

from stages.metrics.factorisation import nmf_masks, robust_pca, rpca_masks

RANDOM = np.random.default_rng(1)


@pytest.mark.parametrize("shape", [(120, 80), (80, 120)])
def test_robust_pca_recovers_low_rank_and_sparse_parts(shape: tuple[int, int]) -> None:
    low_rank = RANDOM.standard_normal((shape[0], 3)) @ RANDOM.standard_normal((3, shape[1]))
    sparse = np.where(RANDOM.random(shape) < 0.05, RANDOM.uniform(-20, 20, shape), 0)
    found_low_rank, found_sparse = robust_pca(low_rank + sparse)
    assert linalg.norm(found_low_rank - low_rank) < 1e-3 * linalg.norm(low_rank)
    assert linalg.norm(found_sparse - sparse) < 1e-3 * linalg.norm(sparse)
    assert np.linalg.matrix_rank(found_low_rank, tol=1e-3) == 3


def test_a_line_through_a_steady_chord_is_the_sparse_part() -> None:
    chord = np.outer(RANDOM.random(64), np.ones(48))
    events = np.zeros((64, 48))
    events[RANDOM.integers(0, 64, 48), np.arange(48)] = 10
    sparse, rest = rpca_masks(chord + events)
    np.testing.assert_array_equal(sparse, events > 0)
    np.testing.assert_array_equal(sparse + rest, np.ones((64, 48)))


def hump(centre_bin: float, width_bins: float, num_bins: int = 128) -> np.ndarray:  # pyright: ignore
    return np.exp(-0.5 * ((np.arange(num_bins) - centre_bin) / width_bins) ** 2)


def test_notes_of_one_timbre_come_into_one_source() -> None:
    # Two players of several notes each: dull ones (narrow, low) and bright ones (wide, high), overlapping in time.
    dull = [hump(centre, 2) for centre in (8, 11, 14, 17)]
    bright = [hump(centre, 12) for centre in (70, 78, 86, 94)]
    players = [
        sum(np.outer(note, RANDOM.random(60) < 0.3) for note in notes) + 1e-3 * notes[0][:, None]
        for notes in (dull, bright)
    ]
    masks = nmf_masks(players[0] + players[1], 2, 11025)
    np.testing.assert_allclose(masks.sum(axis=0), 1)
    owner = masks.argmax(axis=0)
    loud = [player > 0.3 for player in players]
    first, second = (np.bincount(owner[part], minlength=2) / part.sum() for part in loud)
    assert first.argmax() != second.argmax()
    assert min(first.max(), second.max()) > 0.95


def test_equal_mixtures_give_equal_masks() -> None:
    magnitude = RANDOM.random((64, 48))
    np.testing.assert_array_equal(nmf_masks(magnitude, 3, 8000), nmf_masks(magnitude, 3, 8000))
