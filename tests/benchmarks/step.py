"""A training step at the paper's shapes, as trained here beside fp32 eager: `python -m tests.benchmarks.step [file]`.

On a processor with bf16 arithmetic (AMX or AVX-512 BF16) `train.precision: bf16` with `train.channels_last: true`, else
channels_last alone. Memory is what weights, moments and two steps add at their peak to a process with all code loaded.
"""

from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import torch
import yaml

from stages.params import Params
from stages.training.batches import Batch
from stages.training.export import new_separator
from stages.training.learner import Learner
from tests.benchmarks.timing import interleaved, peak_kib, tell

REPEATS, BATCH = 3, 2
PAPER = Path(__file__).parents[2] / "presets/paper-music.yaml"


SETTINGS = {
    "fp32": {"precision": "fp32", "channels_last": False},
    "fp32 channels_last": {"precision": "fp32", "channels_last": True},
    "bf16 channels_last": {"precision": "bf16", "channels_last": True},
}


def main() -> None:
    torch.set_num_threads(1)
    mixtures = batch()
    learners = {name: learner(name) for name in SETTINGS}
    spent = interleaved({name: lambda one=one: one.learn(mixtures, 0) for name, one in learners.items()}, REPEATS)
    seconds = {name: round(value, 3) for name, value in spent.items()}
    ratios = {name: round(spent["fp32"] / value, 2) for name, value in spent.items()}
    with ProcessPoolExecutor(1, get_context("spawn"), max_tasks_per_child=1) as alone:
        peaks = dict(zip(SETTINGS, alone.map(peak_mb, SETTINGS), strict=True))
    timed = {"n": REPEATS, "mixtures": BATCH, "threads": 1, "cpu_s": seconds, "ratio_to_fp32": ratios}
    tell(timed | {"peak_mb": peaks})


def peak_mb(name: str) -> int:
    """What two steps at most take of memory, in a process of their own; n = 1."""
    torch.set_num_threads(1)
    mixtures, before_kib = batch(), peak_kib()
    one = learner(name)
    for step in range(2):
        one.learn(mixtures, step)
    return round((peak_kib() - before_kib) / 1024)


def paper() -> Params:
    """The paper's configuration; where its ResNet starts from costs nothing in a step."""
    content = yaml.safe_load(PAPER.read_text(encoding="utf-8"))
    content["models"]["pixels"]["appearance"]["weights"] = "none"
    return Params.model_validate(content)


def batch() -> Batch:
    """Noise of the paper's shapes."""
    look, random = paper().models["pixels"].appearance, torch.Generator().manual_seed(1)
    return Batch(
        0.1 * torch.randn(BATCH, 2, 65_535, generator=random),
        torch.randn(BATCH, 2, look.num_frames, 3, look.crop_px, look.crop_px, generator=random),
    )


def learner(name: str) -> Learner:
    """The paper's model, ready to learn on the CPU by one of the settings."""
    params, device = paper(), torch.device("cpu")
    train = params.train.model_copy(update=SETTINGS[name])
    separator = new_separator(params.clip, params.spectrogram, params.models["pixels"], train, device=device)
    return Learner(separator, train, train.curriculum["pixels"][0])


if __name__ == "__main__":
    main()
