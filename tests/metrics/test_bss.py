import json
import os
import warnings
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from stages.metrics.bss import FLOOR_DB, DelaySpace, bss_eval, si_sdr, silent
from tests.synth.signals import Floats, blocks, coloured, decibels, noise, projection

RATIOS = ("sdr", "sir", "sar")
TOLERANCE_DB = 1e-6


def stacked(scores: dict[str, Floats]) -> Floats:
    return np.stack([scores[name] for name in RATIOS])


def by_mir_eval(references: Floats, estimates: Floats) -> Floats:
    from mir_eval import separation

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return np.stack(separation.bss_eval_sources(references, estimates, compute_permutation=False)[:3])


@pytest.mark.real_media
@pytest.mark.parametrize("case", ["01", "02", "03", "05", "06", "07", "08", "09"])
def test_matlab_toolbox_gives_the_same_numbers(case: str) -> None:
    if "PIXELS_MEDIA" not in os.environ:
        pytest.skip("PIXELS_MEDIA is not set: no MATLAB fixtures (bss/mir_eval)")
    folder = Path(os.environ["PIXELS_MEDIA"]) / "bss/mir_eval/tests/data/separation"
    expected = json.loads((folder / f"output{case}.json").read_text())["Sources"]

    def load(name: str) -> Floats:
        paths = sorted((folder / f"{name}{case}").glob("*.wav"))
        return np.stack([soundfile.read(path, always_2d=True)[0].mean(axis=1) for path in paths])

    # The toolbox permutes: estimate perm[j] was matched to reference j.
    scores = bss_eval(load("ref"), load("est")[expected["Source permutation"]], 512)
    matlab = [expected[f"Source to {name}"] for name in ("Distortion", "Interference", "Artifact")]
    np.testing.assert_allclose(stacked(scores), matlab, rtol=0, atol=TOLERANCE_DB)


@pytest.mark.parametrize("num_sources", [1, 2, 3])
def test_mir_eval_gives_the_same_numbers(num_sources: int) -> None:
    references = coloured(num_sources, 4000, seed=num_sources)
    leak = np.roll(references, 1, axis=0)
    estimates = references + 0.3 * leak + 0.1 * noise(num_sources, 4000, seed=9)
    found, expected = stacked(bss_eval(references, estimates, 512)), by_mir_eval(references, estimates)
    rows = slice(None) if num_sources > 1 else [0, 2]  # mir_eval's SIR of a single source is rounding noise
    np.testing.assert_allclose(found[rows], expected[rows], rtol=0, atol=TOLERANCE_DB)


@pytest.mark.parametrize(("own", "leak", "artifact"), [(1.0, 0.5, 0.25), (0.01, 0.02, 0.05), (1.0, 1e-3, 1e-4)])
def test_ratios_of_orthogonal_parts_follow_from_their_gains(own: float, leak: float, artifact: float) -> None:
    first, second, other = blocks(3, length=900, gap_samples=512, seed=1)
    estimate = own * first + leak * second + artifact * other
    scores = bss_eval(np.stack([first, second]), np.stack([estimate, second]), 512)
    assert scores["sdr"][0] == pytest.approx(decibels(own**2, leak**2 + artifact**2), abs=TOLERANCE_DB)
    assert scores["sir"][0] == pytest.approx(decibels(own**2, leak**2), abs=TOLERANCE_DB)
    assert scores["sar"][0] == pytest.approx(decibels(own**2 + leak**2, artifact**2), abs=TOLERANCE_DB)


def test_only_interference_gives_a_sir_far_below_zero_and_no_artifacts() -> None:
    first, second = blocks(2, length=900, gap_samples=512, seed=2)
    scores = bss_eval(np.stack([first, second]), np.stack([second, first]), 512)
    assert (scores["sir"] < -100).all()
    assert (scores["sar"] > 100).all()


def test_a_filtered_reference_is_forgiven_by_sdr_but_not_by_si_sdr() -> None:
    references = noise(2, 4000, seed=3)
    estimates = np.stack([np.convolve(waveform, [0, 0, 1, -0.9], mode="full")[:4000] for waveform in references])
    assert (bss_eval(references, estimates, 512)["sdr"] > 25).all()
    assert (si_sdr(torch.from_numpy(references), torch.from_numpy(estimates)) < 0).all()


def test_swapped_estimates_are_not_put_right() -> None:
    references = noise(2, 4000, seed=4)
    estimates = references + 0.1 * noise(2, 4000, seed=5)
    assert (bss_eval(references, estimates, 64)["sdr"] > 15).all()
    assert (bss_eval(references, estimates[::-1], 64)["sdr"] < 0).all()


def test_single_source_has_no_interference() -> None:
    reference = noise(1, 3000, seed=6)
    scores = bss_eval(reference, reference + 0.1 * noise(1, 3000, seed=7), 128)
    assert scores["sir"][0] == np.inf
    assert scores["sdr"][0] == scores["sar"][0]


@pytest.mark.parametrize("kind", ["apart", "identical", "delayed"])
def test_dense_least_squares_gives_the_same_numbers_also_for_dependent_sources(kind: str) -> None:
    taps, references = 8, noise(3, 200, seed=8)
    if kind == "identical":
        references[2] = references[0]
    if kind == "delayed":
        references[:, -8:] = 0
        references[2] = 0.5 * np.roll(references[0], 3)
    estimates = references + 0.5 * noise(3, 200, seed=9)
    scores = bss_eval(references, estimates, taps)
    for source, estimate in enumerate(estimates):
        target, joint = projection(references[[source]], estimate, taps), projection(references, estimate, taps)
        padded = np.r_[estimate, np.zeros(taps - 1)]
        energy = [np.sum(part**2) for part in (target, padded - target, joint - target, joint, padded - joint)]
        expected = [decibels(energy[0], energy[1]), decibels(energy[0], energy[2]), decibels(energy[3], energy[4])]
        assert [scores[name][source] for name in RATIOS] == pytest.approx(expected, abs=TOLERANCE_DB)


@settings(max_examples=10, deadline=None)
@given(gain=st.floats(0.01, 100), sign=st.sampled_from([-1, 1]))
def test_gains_change_nothing(gain: float, sign: int) -> None:
    references = noise(2, 500, seed=10)
    estimates = references + 0.4 * noise(2, 500, seed=11)
    scaled = sign * gain * estimates
    np.testing.assert_allclose(
        stacked(bss_eval(references, scaled, 16)), stacked(bss_eval(references, estimates, 16)), atol=TOLERANCE_DB
    )
    ratios = [si_sdr(torch.from_numpy(references), torch.from_numpy(guess)) for guess in (scaled, estimates)]
    torch.testing.assert_close(ratios[0], ratios[1], rtol=0, atol=TOLERANCE_DB)


def test_a_silent_reference_is_nan_and_spans_nothing() -> None:
    references, extra = noise(3, 600, seed=12), noise(3, 600, seed=13)
    references[1] = 0
    estimates = references + 0.3 * extra
    scores, without = bss_eval(references, estimates, 32), bss_eval(references[[0, 2]], estimates[[0, 2]], 32)
    for name in RATIOS:
        assert np.isnan(scores[name][1])
        np.testing.assert_array_equal(scores[name][[0, 2]], without[name])


def test_all_references_silent_gives_nan() -> None:
    assert np.isnan(stacked(bss_eval(np.zeros((2, 300)), noise(2, 300, seed=14), 32))).all()


@pytest.mark.parametrize("fault", [0.0, 1e-6, np.nan, np.inf])
def test_a_faulty_estimate_gets_the_floor_and_leaves_the_others_alone(fault: float) -> None:
    references = noise(2, 600, seed=15)
    estimates = references + 0.3 * noise(2, 600, seed=16)
    clean = bss_eval(references, estimates, 32)
    faulty = np.stack([np.full(600, fault), estimates[1]])
    scores = bss_eval(references, faulty, 32)
    assert [scores[name][0] for name in RATIOS] == [FLOOR_DB] * 3
    assert [scores[name][1] for name in RATIOS] == [clean[name][1] for name in RATIOS]
    assert silent(faulty).tolist() == [True, False]


def test_many_estimators_at_once_score_as_one_by_one() -> None:
    references = noise(2, 700, seed=17)
    estimates = np.stack([references + level * noise(2, 700, seed=18) for level in (0.1, 0.5, 2.0)])
    together = DelaySpace(references, 32).score(estimates)
    alone = [stacked(bss_eval(references, one, 32)) for one in estimates]
    np.testing.assert_allclose(stacked(together).swapaxes(0, 1), alone, rtol=0, atol=1e-9)


def test_wrong_shapes_are_named() -> None:
    with pytest.raises(ValueError, match=r"references must be \(N, S\), found \(300,\)"):
        bss_eval(np.ones(300), np.ones(300), 8)
    with pytest.raises(ValueError, match=r"must be \(E, 2, 300\), found \(1, 2, 299\)"):
        bss_eval(noise(2, 300, seed=0), noise(2, 299, seed=0), 8)


@pytest.mark.parametrize("snr_db", [-20.0, 0.0, 12.5, 60.0])
def test_si_sdr_of_orthogonal_noise_is_its_signal_to_noise_ratio(snr_db: float) -> None:
    reference, other = blocks(2, length=500, gap_samples=1, seed=19)
    estimate = 0.3 * (reference + 10 ** (-snr_db / 20) * other)
    found = si_sdr(torch.from_numpy(reference), torch.from_numpy(estimate))
    assert float(found) == pytest.approx(snr_db, abs=1e-9)


def test_si_sdr_keeps_leading_axes_and_marks_what_has_no_ratio() -> None:
    reference = torch.from_numpy(noise(6, 400, seed=20)).reshape(2, 3, 400).float()
    estimate = reference + torch.from_numpy(noise(6, 400, seed=21)).reshape(2, 3, 400).float()
    reference[0, 1], estimate[1, 0], estimate[1, 2, 7] = 0, 0, torch.nan
    found = si_sdr(reference, estimate)
    assert found.shape == (2, 3)
    assert found.dtype == torch.float64
    assert found[0, 1].isnan()
    assert found[1, 0] == found[1, 2] == FLOOR_DB
    assert found[0, [0, 2]].abs().max() < 2
    assert si_sdr(reference[0, 0], 0.5 * reference[0, 0]) > 100
