"""Speed of our BSS-eval beside mir_eval, interleaved, one thread: `python -m tests.benchmarks.bss [result.json]`."""

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
from mir_eval import separation

from stages.metrics.bss import DelaySpace, bss_eval
from tests.benchmarks.timing import interleaved, tell
from tests.synth.signals import Floats, coloured, noise

TAPS, REPEATS = 512, 15
NUM_ESTIMATORS = 8  # of one mix, as in an evaluation: they share one factorisation


def compare(num_sources: int, num_samples: int) -> dict[str, Any]:
    """CPU ms of one example by each method, their ratios, and the largest difference of a score in dB."""
    references = coloured(num_sources, num_samples, seed=1)
    leak = np.roll(references, 1, axis=0)
    estimates = references + 0.3 * leak + 0.1 * noise(num_sources, num_samples, seed=2)
    many = np.stack([estimates] * NUM_ESTIMATORS)
    methods: dict[str, Callable[[], object]] = {
        "mir_eval": lambda: by_mir_eval(references, estimates),
        "ours": lambda: bss_eval(references, estimates, TAPS),
        "ours, sharing": lambda: DelaySpace(references, TAPS).score(many),
    }
    per_example_ms = {name: 1e3 * value for name, value in interleaved(methods, REPEATS).items()}
    per_example_ms["ours, sharing"] /= NUM_ESTIMATORS
    ours = np.stack(list(bss_eval(references, estimates, TAPS).values()))
    return {
        "sources": num_sources,
        "samples": num_samples,
        "cpu_ms": {name: round(value, 2) for name, value in per_example_ms.items()},
        "ratio": round(per_example_ms["mir_eval"] / per_example_ms["ours"], 2),
        "ratio_sharing": round(per_example_ms["mir_eval"] / per_example_ms["ours, sharing"], 2),
        "largest_difference_db": float(np.abs(ours - by_mir_eval(references, estimates)).max()),
    }


def by_mir_eval(references: Floats, estimates: Floats) -> Floats:
    """SDR, SIR and SAR, (3, N)."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return np.stack(separation.bss_eval_sources(references, estimates, compute_permutation=False)[:3])


def main() -> None:
    sizes = [(2, 33_075), (2, 65_535), (3, 33_075)]  # 3 s and 5.94 s at 11,025 Hz
    tell(
        {
            "threads": 1,
            "numpy": np.__version__,
            "taps": TAPS,
            "n": REPEATS,
            "estimators_sharing": NUM_ESTIMATORS,
            "examples": [compare(*size) for size in sizes],
        }
    )


if __name__ == "__main__":
    main()
