"""What any separator is held against: no separation at all, and the best that a mask can do.

Axes: N sources of a mix, S samples, F frequency bins, R log-frequency rows, T spectrogram frames.
"""

from torch import Tensor

from stages.audio.logfreq import LogFrequency
from stages.audio.masks import apply, binary_masks, ratio_masks
from stages.audio.mixing import mix as mean_of
from stages.audio.stft import Stft
from stages.metrics.scores import Mix
from stages.params import Spectrogram

MAX_RATIO = 5.0  # as in the reference code of Zhao et al. 2018: where sources cancel, a ratio is unbounded


class Baselines:
    """Estimates from the true sources, by estimator:

    - mixture: the mixture for each source;
    - constant_mask: 1/N everywhere, the mixture through the transform and back;
    - ideal_binary_mask, ideal_ratio_mask: oracles on linear bins;
    - ideal_binary_mask_warped, ideal_ratio_mask_warped: oracles on the log-frequency rows that separators work on.
    """

    def __init__(self, spectrogram: Spectrogram) -> None:
        self._stft = Stft(spectrogram)
        self._rows = LogFrequency(self._stft.num_bins, spectrogram.log_frequency_rows)

    def __call__(self, mix: Mix, sources: Tensor) -> dict[str, Tensor]:  # noqa: ARG002 (an Estimator)
        """Estimates (N, S) by estimator for sources (N, S)."""
        mixture = mean_of(sources)
        spectrum, num_samples = self._stft(mixture), sources.shape[-1]
        masked = {
            name: self._stft.inverse(apply(mask, spectrum), num_samples)
            for name, mask in self._masks(sources, spectrum.abs()).items()
        }
        return {"mixture": mixture.expand_as(sources), **masked}

    def _masks(self, sources: Tensor, mixture_magnitude: Tensor) -> dict[str, Tensor]:
        """Masks, (N, F, T), by estimator."""
        magnitudes = self._stft(sources / len(sources)).abs()
        rows, mixture_rows = self._rows.warp(magnitudes), self._rows.warp(mixture_magnitude)
        return {
            "constant_mask": magnitudes.new_full(magnitudes.shape, 1 / len(sources)),
            "ideal_binary_mask": binary_masks(magnitudes),
            "ideal_ratio_mask": ratio_masks(magnitudes, mixture_magnitude).clamp(max=MAX_RATIO),
            "ideal_binary_mask_warped": self._rows.unwarp(binary_masks(rows)),
            "ideal_ratio_mask_warped": self._rows.unwarp(ratio_masks(rows, mixture_rows).clamp(max=MAX_RATIO)),
        }
