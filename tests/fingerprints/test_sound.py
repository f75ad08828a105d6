import numpy as np
import pytest
from numpy.typing import NDArray

from stages.fingerprints.sound import Landmarks, common_landmarks, joined, landmarks

RATE_HZ = 11025


def tune(seed: int, num_notes: int = 24) -> NDArray[np.float32]:
    """Struck notes of four harmonics, a quarter of a second each."""
    random = np.random.default_rng(seed)
    time_s = np.arange(RATE_HZ // 4) / RATE_HZ
    pitches_hz = 220 * 2 ** (random.integers(0, 25, num_notes) / 12)
    notes = [sum(np.sin(2 * np.pi * pitch * k * time_s) / k for k in range(1, 5)) for pitch in pitches_hz]
    return np.concatenate([note * np.exp(-6 * time_s) for note in notes]).astype(np.float32) / 4


def shared(*waveforms: NDArray[np.float32]) -> list[list[int]]:
    marks = [landmarks(waveform, RATE_HZ) for waveform in waveforms]
    return common_landmarks(marks, np.arange(len(marks))).tolist()


def test_a_noisy_quieter_excerpt_shares_most_of_its_landmarks() -> None:
    whole = tune(1)
    noise = np.random.default_rng(2).normal(0, 0.002, len(whole)).astype(np.float32)
    excerpt = (0.3 * whole + noise)[20_000:50_000]
    ((first, second, count),) = shared(whole, excerpt)
    assert (first, second) == (0, 1)
    assert count > 0.4 * len(landmarks(excerpt, RATE_HZ))


def test_other_tunes_on_the_same_samples_share_few() -> None:
    """Not even on one beat, where every note of one can meet the same note of the other."""
    counts = [count for _, _, count in shared(*(tune(seed) for seed in range(12)))]
    assert len(counts) == 66
    assert max(counts) < 0.07 * min(len(landmarks(tune(seed), RATE_HZ)) for seed in range(12))


def test_one_group_is_not_compared_with_itself() -> None:
    marks = [landmarks(tune(seed), RATE_HZ) for seed in (1, 1, 1)]
    found = common_landmarks(marks, np.array([0, 0, 1]))
    assert found[:, :2].tolist() == [[0, 2], [1, 2]]
    assert (found[:, 2] == len(marks[0])).all()


def test_parts_of_a_recording_are_on_its_clock() -> None:
    part = landmarks(tune(1), RATE_HZ)
    whole = joined([part, part], [0.0, 256 / RATE_HZ * 100], RATE_HZ)
    assert whole.frames.tolist() == [*part.frames.tolist(), *(part.frames + 100).tolist()]
    assert len(whole) == 2 * len(part)


@pytest.mark.parametrize("waveform", [np.zeros(RATE_HZ), np.zeros(10), np.zeros(0)])
def test_silence_and_next_to_nothing_have_none(waveform: NDArray[np.float64]) -> None:
    marks = landmarks(waveform.astype(np.float32), RATE_HZ)
    assert len(marks) == 0
    assert common_landmarks([marks, marks], np.arange(2)).shape == (0, 3)


def test_a_shift_counts_once_however_frames_fall_on_its_steps() -> None:
    names = np.arange(50)
    one, other = Landmarks(names, 7 * names), Landmarks(names, 7 * names + 31 + names % 2)
    assert common_landmarks([one, other], np.arange(2)).tolist() == [[0, 1, 50]]
