"""Onsets of sound: clicks and notes at known times, the truth of performances by mir_eval, peaks by a plain loop."""

from pathlib import Path

import mir_eval
import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from stages.audio.onsets import peaks, sound_onsets, spectral_flux
from stages.params import read
from stages.performances.film import perform
from stages.performances.score import SAMPLE_RATE_HZ
from tests.synth.performances import take_of

RATE_HZ = 11025
HOP = 110
SETTINGS = read(Path(__file__).resolve().parents[2] / "params.yaml").coincidence


def onsets_s(waveform: Tensor, rate_hz: int = RATE_HZ) -> list[float]:
    gap_s = SETTINGS.sound_gap_ms / 1e3
    return sound_onsets(waveform, rate_hz, gap_s=gap_s, rise=SETTINGS.sound_rise).tolist()


def struck(times_s: list[float], *, decay_s: float, gain: float = 0.3) -> Tensor:
    """Three seconds of a chord that is struck at each of these times and dies away."""
    time_s = torch.arange(3 * RATE_HZ) / RATE_HZ
    sound = torch.zeros_like(time_s)
    for start_s in times_s:
        since_s = time_s - start_s
        tones = sum(torch.sin(2 * torch.pi * pitch_hz * since_s) for pitch_hz in (330.0, 495.0, 660.0, 1320.0, 2640.0))
        sound += torch.where(since_s >= 0, torch.exp(-since_s / decay_s) * tones, 0)
    return gain * sound


def test_clicks_are_found_exactly_half_a_lag_early() -> None:
    """The log spectrum of a click is highest where the window is centred on it: the flux, over 30 ms, ends there."""
    samples = [HOP * k for k in (31, 77, 120, 205, 260)]
    waveform = torch.zeros(3 * RATE_HZ)
    waveform[samples] = 0.5
    assert onsets_s(waveform) == pytest.approx([(sample - 1.5 * HOP) / RATE_HZ for sample in samples], abs=1e-9)


@pytest.mark.parametrize("gain", [1.0, 0.01])
def test_struck_notes_are_found_within_half_a_motion_frame_at_any_level(gain: float) -> None:
    times_s = [0.4, 0.93, 1.21, 2.0, 2.44]
    assert onsets_s(struck(times_s, decay_s=0.25, gain=0.1 * gain)) == pytest.approx(times_s, abs=0.0208)


def test_sound_that_goes_on_from_before_has_no_onset_and_silence_none() -> None:
    tone = 0.3 * torch.sin(2 * torch.pi * 440 * torch.arange(3 * RATE_HZ) / RATE_HZ)
    noise = 1e-6 * torch.randn(3 * RATE_HZ, generator=torch.Generator().manual_seed(1))
    assert [onsets_s(sound) for sound in (tone, torch.zeros(3 * RATE_HZ), noise)] == [[], [], []]


def test_flux_is_zero_for_a_steady_tone_and_counts_no_fall() -> None:
    times_s = torch.arange(RATE_HZ) / RATE_HZ
    ended = torch.where(times_s < 0.5, torch.sin(2 * torch.pi * 1000 * times_s), 0)
    # the window of 254 samples holds 23.04 periods: levels wobble by little
    assert spectral_flux(ended, RATE_HZ)[:40].max() < 0.1
    assert spectral_flux(ended, RATE_HZ)[55:].max() == 0


@given(
    st.lists(st.integers(0, 5), min_size=2, max_size=24),
    st.integers(1, 6),
    st.integers(0, 5),
    st.sampled_from([0.0, 0.5, 1.0]),
)
def test_peaks_are_those_of_a_plain_loop(values: list[int], gap: int, reach: int, rise: float) -> None:
    expected = []
    for t, value in enumerate(values):
        near = values[max(0, t - reach) : t + reach + 1]
        highest = all(value > v for v in values[max(0, t - gap + 1) : t]) and value >= max(values[t : t + gap])
        inside = 0 < t < len(values) - 1
        expected.append(inside and highest and value > np.float32(np.mean(near, dtype=np.float32)) + rise + 1e-5)
    curves = torch.tensor([values, values[::-1]], dtype=torch.float32)
    found = peaks(curves, gap=gap, reach=reach, rise=rise + 1e-5)
    assert found[0].tolist() == expected
    places = found[1].nonzero()[:, 0]
    assert (places.diff() >= gap).all()


def test_onsets_of_performances_are_those_of_their_notes() -> None:
    """By mir_eval, with its 50 ms; sustained instruments, whose notes are bound, are the hard ones."""
    measures: dict[str, float] = {}
    for name in ("acoustic_guitar", "xylophone", "trumpet", "violin"):
        scores = []
        for number in range(3):
            performance = perform(take_of(name, duration_s=9.0, number=number))
            waveform = torch.from_numpy(performance.stems[0].astype(np.float32))
            truth_s = np.array([note.start_s for note in performance.notes[0]])
            found_s = np.array(onsets_s(waveform, SAMPLE_RATE_HZ))
            scores.append(mir_eval.onset.f_measure(truth_s, found_s, window=0.05)[0])
        measures[name] = float(np.mean(scores))
    assert min(measures["acoustic_guitar"], measures["xylophone"], measures["trumpet"]) > 0.8, measures
    assert measures["violin"] > 0.6, measures
