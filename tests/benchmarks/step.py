"""A training step at the paper's shapes, as trained here beside fp32 eager: `python -m tests.benchmarks.step [file]`.

On a processor with bf16 arithmetic (AMX or AVX-512 BF16) `train.precision: bf16` with `train.channels_last: true`, else
channels_last alone.
"""

from pathlib import Path

import torch
import yaml

from stages.params import Params, Train
from stages.training.batches import Batch
from stages.training.export import new_separator
from stages.training.learner import Learner
from tests.benchmarks.timing import interleaved, tell

REPEATS, BATCH = 3, 2
PAPER = Path(__file__).parents[2] / "presets/paper-music.yaml"


def main() -> None:
    torch.set_num_threads(1)
    params = Params.model_validate(yaml.safe_load(PAPER.read_text(encoding="utf-8")))
    look = params.models["pixels"].appearance
    random = torch.Generator().manual_seed(1)
    batch = Batch(
        0.1 * torch.randn(BATCH, 2, 65_535, generator=random),
        torch.randn(BATCH, 2, look.num_frames, 3, look.crop_px, look.crop_px, generator=random),
    )
    settings = {
        "fp32": {"precision": "fp32", "channels_last": False},
        "fp32 channels_last": {"precision": "fp32", "channels_last": True},
        "bf16 channels_last": {"precision": "bf16", "channels_last": True},
    }
    learners = {name: learner(params, params.train.model_copy(update=change)) for name, change in settings.items()}
    spent = interleaved({name: lambda one=one: one.learn(batch, 0) for name, one in learners.items()}, REPEATS)
    seconds = {name: round(value, 3) for name, value in spent.items()}
    ratios = {name: round(spent["fp32"] / value, 2) for name, value in spent.items()}
    tell({"n": REPEATS, "mixtures": BATCH, "threads": 1, "cpu_s": seconds, "ratio_to_fp32": ratios})


def learner(params: Params, train: Train) -> Learner:
    """The paper's model, ready to learn on the CPU."""
    device = torch.device("cpu")
    separator = new_separator(params.clip, params.spectrogram, params.models["pixels"], train, device=device)
    return Learner(separator, train, train.curriculum["pixels"][0])


if __name__ == "__main__":
    main()
