"""How well sources were separated: BSS-eval v3 (SDR, SIR, SAR) and SI-SDR.

BSS-eval v3 (Vincent, Gribonval and Fevotte 2006, "Performance measurement in blind audio source separation", section
III.B) projects an estimate on the space spanned by the references delayed by 0 to taps - 1 samples:

    target       = projection on the delays of the estimate's own reference
    interference = projection on the delays of all references - target
    artifacts    = estimate - projection on the delays of all references

SDR, SIR and SAR are ratios of the energies of these parts. Estimates are never permuted: the picture fixes their order.
SI-SDR (Le Roux et al. 2019, "SDR: half-baked or well done?") forgives a gain only, where BSS-eval forgives a filter.

Axes: N sources, S samples, L filter taps, E estimators (sets of N estimates).
"""

from collections.abc import Sequence
from functools import cached_property
from typing import Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from scipy import fft, linalg
from torch import Tensor

Floats = NDArray[np.float64]
Spectra = NDArray[np.complex128]

# A silent or non-finite estimate has no defined ratio, yet must count: it gets the worst score there is. 16-bit sound
# spans 98 dB, so no estimate of it is measurably worse than -100 dB.
FLOOR_DB = -100.0
SILENT_PEAK = 2.0**-16  # half a step of 16-bit sound: all of it rounds to zero


def silent(waveforms: Floats) -> NDArray[np.bool_]:
    """True where a waveform, (..., S), rounds to silence in 16 bits or holds a NaN or an infinity; (...)."""
    peaks = np.abs(waveforms).max(axis=-1)
    return ~np.isfinite(peaks) | (peaks < SILENT_PEAK)


def bss_eval(references: Floats, estimates: Floats, taps: int) -> dict[str, Floats]:
    """SDR, SIR and SAR of one set of estimates, in their given order.

    Args:
        references: True sources, (N, S).
        estimates: One estimate a source, (N, S).
        taps: Length of the forgiven filters, L; 512 in the literature.

    Returns:
        `sdr`, `sir`, `sar`, each (N,), dB: NaN where the reference is silent, FLOOR_DB where the estimate is. SIR is
        infinite where nothing can interfere (a single source), SAR where the estimate lies in the references' space.
    """
    return {name: values[0] for name, values in DelaySpace(references, taps).score(estimates[None]).items()}


class DelaySpace:
    """The delayed references of one mixture: factorised once, then any number of estimates is scored.

    Args:
        references: True sources, (N, S). Silent ones span nothing and are left out.
        taps: Number of delays, L.
    """

    def __init__(self, references: Floats, taps: int) -> None:
        if references.ndim != 2:
            raise ValueError(f"references must be (N, S), found {references.shape}")
        self._shape, self._taps = references.shape, taps
        self._fft_samples = _fast_length(references.shape[1] + taps - 1)
        self._sounding = np.flatnonzero(~silent(references))
        self._spectra = np.fft.rfft(references[self._sounding], self._fft_samples)  # (N', bins), N' sounding

    @cached_property
    def _solvers(self) -> tuple["_Solver", Sequence["_Solver"]]:
        return _solvers(_gram(self._spectra, self._fft_samples, self._taps), self._taps)

    def score(self, estimates: Floats) -> dict[str, Floats]:
        """`sdr`, `sir`, `sar` as in `bss_eval` for estimates (E, N, S); each (E, N), dB."""
        if estimates.ndim != 3 or estimates.shape[1:] != self._shape:
            raise ValueError(f"estimates must be (E, {self._shape[0]}, {self._shape[1]}), found {estimates.shape}")
        faulty = silent(estimates)
        scores = np.full((3, *faulty.shape), np.nan)
        for position, source in enumerate(self._sounding):
            # rounds to silence: scored as zeros, then floored
            own = np.where(faulty[:, source, None], 0.0, estimates[:, source])
            scores[:, :, source] = self._ratios(np.fft.rfft(own, self._fft_samples), position)
            scores[:, faulty[:, source], source] = FLOOR_DB
        return dict(zip(("sdr", "sir", "sar"), scores, strict=True))

    def _ratios(self, spectra: Spectra, position: int) -> Floats:
        """SDR, SIR and SAR, (3, E), of estimates (E, bins) of the reference at `position` among the sounding ones."""
        together, alone = self._solvers
        correlations = np.fft.irfft(self._spectra.conj()[None] * spectra[:, None], self._fft_samples)[..., : self._taps]
        target = self._project(correlations[:, [position]], alone[position], self._spectra[[position]])
        # a single source has no interference, not even by rounding
        joint = target if len(alone) == 1 else self._project(correlations, together, self._spectra)
        parts = (target, joint - target, spectra - joint, spectra - target, joint)
        of_target, of_interference, of_artifacts, of_distortion, of_joint = (self._energy(part) for part in parts)
        return np.stack([_db(of_target, of_distortion), _db(of_target, of_interference), _db(of_joint, of_artifacts)])

    def _project(self, correlations: Floats, solver: "_Solver", spectra: Spectra) -> Spectra:
        """Projections, (E, bins), of estimates on delays of references (N', bins); `correlations` are (E, N', L)."""
        filters = solver.solve(correlations.reshape(len(correlations), -1).T).T.reshape(correlations.shape)
        return (np.fft.rfft(filters, self._fft_samples) * spectra).sum(axis=1)

    def _energy(self, spectra: Spectra) -> Floats:
        """Energy of the signals behind half spectra, (E, bins) -> (E,), by Parseval."""
        power = spectra.real**2 + spectra.imag**2
        twice = power[:, 1:].sum(axis=1) if self._fft_samples % 2 else power[:, 1:-1].sum(axis=1)
        ends = power[:, 0] if self._fft_samples % 2 else power[:, 0] + power[:, -1]
        return (ends + 2 * twice) / self._fft_samples


class _Solver(Protocol):
    """Solves gram @ x = b for columns b."""

    def solve(self, columns: Floats) -> Floats: ...


class _Cholesky:
    def __init__(self, factor: Floats) -> None:
        self._factor = factor

    def solve(self, columns: Floats) -> Floats:
        return linalg.cho_solve((self._factor, True), columns, check_finite=False)


class _LeastSquares:
    """Shortest solution of a singular system, with the cutoff of numpy's lstsq."""

    def __init__(self, gram: Floats) -> None:
        values, vectors = linalg.eigh(gram, check_finite=False)
        kept = values > values[-1] * len(gram) * np.finfo(np.float64).eps
        self._values, self._vectors = values[kept], vectors[:, kept]

    def solve(self, columns: Floats) -> Floats:
        return self._vectors @ ((self._vectors.T @ columns) / self._values[:, None])


def _solvers(gram: Floats, taps: int) -> tuple[_Solver, Sequence[_Solver]]:
    """For all sources together and for each alone: Cholesky, or least squares where delays depend on each other."""
    blocks = [gram[start : start + taps, start : start + taps] for start in range(0, len(gram), taps)]
    factor = _regular_factor(gram)
    if factor is None:
        alone = [_regular_factor(block) for block in blocks]
        own = [
            _LeastSquares(block) if one is None else _Cholesky(one) for block, one in zip(blocks, alone, strict=True)
        ]
        return _LeastSquares(gram), own
    # Diagonal blocks are conditioned no worse than the whole, and the whole's factor begins with the first block's.
    rest = [linalg.cholesky(block, lower=True, check_finite=False) for block in blocks[1:]]
    return _Cholesky(factor), [_Cholesky(one) for one in (np.asfortranarray(factor[:taps, :taps]), *rest)]


def _regular_factor(gram: Floats) -> Floats | None:
    """Lower Cholesky factor, or None where the Gram matrix is singular to working precision.

    A squared pivot is the energy of a delayed reference that the ones before it do not predict.
    """
    (factorise,) = linalg.get_lapack_funcs(("potrf",), (gram,))
    factor, failed = factorise(gram, lower=1, clean=0)
    unpredicted = factor.diagonal() ** 2 / gram.diagonal()
    regular = not failed and unpredicted.min() > len(gram) * np.finfo(np.float64).eps
    return factor if regular else None


def _gram(spectra: Spectra, fft_samples: int, taps: int) -> Floats:
    """Inner products of all delayed references, (N L, N L): Toeplitz blocks of their correlations."""
    gram = np.empty((len(spectra) * taps, len(spectra) * taps), order="F")
    for row, left in enumerate(spectra):
        for column, right in enumerate(spectra[: row + 1]):
            correlation = np.fft.irfft(left.conj() * right, fft_samples)
            lags = np.r_[correlation[fft_samples - taps + 1 :], correlation[:taps]]  # -(taps - 1) to taps - 1
            block = np.lib.stride_tricks.sliding_window_view(lags, taps)[:, ::-1]
            gram[row * taps : (row + 1) * taps, column * taps : (column + 1) * taps] = block
            gram[column * taps : (column + 1) * taps, row * taps : (row + 1) * taps] = block.T
    return gram


def _fast_length(num_samples: int) -> int:
    """A length of at least `num_samples` that transforms fast."""
    length = fft.next_fast_len(num_samples, True)
    assert length is not None
    return length


def _db(numerator: Floats, denominator: Floats) -> Floats:
    """Ratio in dB, infinite where the denominator is zero."""
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = np.where(denominator > 0, numerator / denominator, np.inf)
        return 10 * np.log10(ratio)


def si_sdr(reference: Tensor, estimate: Tensor) -> Tensor:
    """Scale-invariant SDR: energy of the estimate's share in the reference over that of all the rest.

    Args:
        reference: True sources, (..., S); means are not removed.
        estimate: Estimates, (..., S).

    Returns:
        dB, float64, (...): NaN where the reference is silent, FLOOR_DB where the estimate is silent or not finite,
        infinite where the estimate is the reference times a gain.
    """
    reference, estimate = reference.double(), estimate.double()
    faulty = _silent(estimate)
    estimate = torch.where(faulty[..., None], 0.0, estimate)
    gain = (estimate * reference).sum(-1, keepdim=True) / reference.square().sum(-1, keepdim=True)
    share = gain * reference
    ratio = 10 * torch.log10(share.square().sum(-1) / (estimate - share).square().sum(-1))
    return ratio.masked_fill(faulty, FLOOR_DB).masked_fill(_silent(reference), torch.nan)


def _silent(waveforms: Tensor) -> Tensor:
    """`silent` for tensors."""
    peaks = waveforms.abs().amax(dim=-1)
    return ~peaks.isfinite() | (peaks < SILENT_PEAK)
