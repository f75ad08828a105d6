"""What a trained model depends on, as a value to hash: equal keys give equal weights on equal machines."""

from collections.abc import Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch

from stages.separators import Section
from stages.shards.files import read_json
from stages.shards.store import source_digest
from stages.training.batches import TrainingClips

_STAGES = Path(__file__).parents[1]
# Rooms and modules whose code shapes the weights.
_CODE = tuple(_STAGES / place for place in ("audio", "networks", "training", "metrics/bss.py", "metrics/volumes.py"))
_LEFT_OUT = {"curriculum", "workers", "worker_cpus"}  # of params
_PACKAGES = ("torch", "torchaudio", "numpy", "simplejpeg")


def training_key(
    sections: Mapping[str, Section], clips: TrainingClips, mixes: Sequence[Sequence[str]], *manifests: Path
) -> dict[str, Any]:
    """Params, data, code and versions. Of the data only media and splits: labels get in through `weights` alone.

    Phases are left out: each leg of a run adds its own and what they draw from. So is how many share the work, which
    changes weights by rounding alone: a run that one process has begun can be ended by several.
    """
    return {
        "params": {name: section.model_dump(mode="json", exclude=_LEFT_OUT) for name, section in sections.items()},
        "shards": sorted(shard["sha256"] for path in manifests for shard in read_json(path)["shards"].values()),
        "train": clips.by_video,
        "weights": clips.weights,
        "validation": mixes,
        "code": source_digest(*_CODE),
        "packages": {name: version(name) for name in _PACKAGES},
        "cuda": torch.cuda.is_available(),
    }
