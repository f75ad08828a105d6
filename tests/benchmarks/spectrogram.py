"""STFT and log-frequency warp beside librosa and grid_sample: `python -m tests.benchmarks.spectrogram [result.json]`.

Needs `pip install "librosa<1"` in an environment of its own: it is no dependency of the project.
"""

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")

import librosa  # pyright: ignore[reportMissingImports]
import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from stages.audio.logfreq import LogFrequency
from stages.audio.stft import Stft
from stages.params import Spectrogram
from tests.benchmarks.timing import interleaved, tell
from tests.synth.signals import noise

REPEATS, CLIPS = 15, 16
PAPER = Spectrogram(fft_samples=1022, hop_samples=256, log_frequency_rows=256)
NUM_SAMPLES = 65_535


def main() -> None:
    torch.set_num_threads(1)
    waveforms = noise(CLIPS, NUM_SAMPLES, seed=1).astype(np.float32)
    stft = Stft(PAPER)
    rows = LogFrequency(stft.num_bins, PAPER.log_frequency_rows)
    grid = warp_grid(rows, stft.num_frames(NUM_SAMPLES))
    tensors = torch.from_numpy(waveforms)

    def by_librosa() -> Tensor:
        spectra = [np.abs(librosa.stft(w, n_fft=PAPER.fft_samples, hop_length=PAPER.hop_samples)) for w in waveforms]
        magnitudes = torch.from_numpy(np.stack(spectra))[:, None]
        return functional.grid_sample(magnitudes, grid.expand(CLIPS, -1, -1, -1), align_corners=True)[:, 0]

    def together() -> Tensor:
        return rows.warp(stft(tensors).abs())

    def one_by_one() -> Tensor:
        return torch.stack([rows.warp(stft(tensor).abs()) for tensor in tensors])

    methods = {"librosa + grid_sample": by_librosa, "ours, clip by clip": one_by_one, "ours, one batch": together}
    spent = interleaved(methods, REPEATS)
    tell(
        {
            "clips": CLIPS,
            "n": REPEATS,
            "cpu_ms_a_clip": {name: round(1e3 * value / CLIPS, 3) for name, value in spent.items()},
            "ratio": round(spent["librosa + grid_sample"] / spent["ours, clip by clip"], 2),
            # large tensors leave the cache and cost page faults
            "ratio_one_batch": round(spent["librosa + grid_sample"] / spent["ours, one batch"], 2),
            "largest_difference": float((by_librosa() - together()).abs().max()),
        }
    )


def warp_grid(rows: LogFrequency, num_frames: int) -> Tensor:
    """Where grid_sample reads, (1, R, T, 2), x then y in [-1, 1]."""
    y = rows.rows_at / (len(rows.bins_at) - 1) * 2 - 1
    x = torch.linspace(-1, 1, num_frames)
    return torch.stack([x.expand(len(y), -1), y[:, None].expand(-1, num_frames)], dim=-1)[None]


if __name__ == "__main__":
    main()
