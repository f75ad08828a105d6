"""What any separator is held against: no separation at all, separation without pictures, and the best a mask can do.

Axes: N sources of a mix, S samples, F frequency bins, R log-frequency rows, T spectrogram frames.
"""

from collections.abc import Iterator
from itertools import chain

import numpy as np
import torch
from scipy.optimize import linear_sum_assignment
from torch import Tensor

from stages.audio.logfreq import LogFrequency
from stages.audio.masks import apply, best_gates, binary_gates, binary_masks, ratio_gates, ratio_masks
from stages.audio.mixing import mix as mean_of
from stages.audio.stft import Stft
from stages.metrics.bss import FLOOR_DB, si_sdr
from stages.metrics.factorisation import nmf_masks, rpca_masks
from stages.metrics.scores import Mix
from stages.metrics.summary import BEST_ORDER
from stages.params import Spectrogram

MAX_RATIO = 5.0  # as in the reference code of Zhao et al. 2018: where sources cancel, a ratio is unbounded


class Baselines:
    """Estimates by estimator:

    - mixture: the mixture for each source;
    - constant_mask: 1/N everywhere, the mixture through the transform and back;
    - nmf_mfcc, and for two sources rpca: separation of the mixture's sound alone. Without a picture they have no order;
      they get the one that gives the best mean SI-SDR, so that their scores are upper bounds;
    - ideal_binary_mask, ideal_ratio_mask: oracles on linear bins;
    - ideal_binary_mask_warped, ideal_ratio_mask_warped: oracles on the log-frequency rows that separators work on;
    - ideal_binary_gate, ideal_ratio_gate, best_gate: oracles that know when, not which frequency: one gain for each
      frame and source. Who is above them chooses frequencies.
    """

    def __init__(self, spectrogram: Spectrogram, *, sample_rate_hz: int) -> None:
        self._stft = Stft(spectrogram)
        self._rows = LogFrequency(self._stft.num_bins, spectrogram.log_frequency_rows)
        self._sample_rate_hz = sample_rate_hz

    def __call__(self, mix: Mix, sources: Tensor) -> dict[str, Tensor]:  # noqa: ARG002 (an Estimator)
        """Estimates (N, S) by estimator for sources (N, S)."""
        mixture = mean_of(sources)
        spectrum, num_samples = self._stft(mixture), sources.shape[-1]
        masks = chain(self._blind_masks(spectrum.abs(), len(sources)), self._masks(sources, spectrum).items())
        masked = {name: self._stft.inverse(apply(mask, spectrum), num_samples) for name, mask in masks}
        ordered = {name: best_order(sources, masked[name]) for name in BEST_ORDER if name in masked}
        return {"mixture": mixture.expand_as(sources), **masked, **ordered}

    def _blind_masks(self, magnitude: Tensor, num_sources: int) -> Iterator[tuple[str, Tensor]]:
        """Masks, (N, F, T), in any order, by estimator; a silent mixture has nothing to take apart."""
        matrix = magnitude.double().numpy()
        sounding = bool(matrix.max() > 0)
        equal = np.full((num_sources, *matrix.shape), 1 / num_sources)
        nmf = nmf_masks(matrix, num_sources, self._sample_rate_hz) if sounding else equal
        yield "nmf_mfcc", torch.from_numpy(nmf).to(magnitude.dtype)
        if num_sources == 2:
            yield "rpca", torch.from_numpy(rpca_masks(matrix) if sounding else equal).to(magnitude.dtype)

    def _masks(self, sources: Tensor, spectrum: Tensor) -> dict[str, Tensor]:
        """Masks, (N, F, T) or (N, 1, T), by estimator."""
        spectra = self._stft(sources / len(sources))
        magnitudes, mixture_magnitude = spectra.abs(), spectrum.abs()
        rows, mixture_rows = self._rows.warp(magnitudes), self._rows.warp(mixture_magnitude)
        return {
            "constant_mask": magnitudes.new_full(magnitudes.shape, 1 / len(sources)),
            "ideal_binary_mask": binary_masks(magnitudes),
            "ideal_ratio_mask": ratio_masks(magnitudes, mixture_magnitude).clamp(max=MAX_RATIO),
            "ideal_binary_mask_warped": self._rows.unwarp(binary_masks(rows)),
            "ideal_ratio_mask_warped": self._rows.unwarp(ratio_masks(rows, mixture_rows).clamp(max=MAX_RATIO)),
            "ideal_binary_gate": binary_gates(magnitudes),
            "ideal_ratio_gate": ratio_gates(magnitudes, mixture_magnitude).clamp(max=MAX_RATIO),
            "best_gate": best_gates(spectra, spectrum).clamp(max=MAX_RATIO),
        }


def best_order(sources: Tensor, estimates: Tensor) -> Tensor:
    """Estimates (N, S) in the order of sources (N, S) that gives the best mean SI-SDR; silent sources take the rest."""
    ratios = si_sdr(sources[:, None], estimates[None]).nan_to_num(nan=0.0).clamp(FLOOR_DB, -FLOOR_DB)
    _, order = linear_sum_assignment(ratios.numpy(), maximize=True)
    return estimates[torch.from_numpy(order)]
