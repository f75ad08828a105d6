"""What weights were made of: a JSON file beside them, from which teaching can go on elsewhere."""

from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch

from stages.motion.pwcnet import Preset
from stages.motion.weights import load
from stages.shards.files import read_json, sha256, write_json
from stages.teaching.checkpoint import Progress, save
from stages.teaching.pupil import Pupil


def tell(weights: Path, pupil: Pupil, progress: Progress) -> None:
    """Write how much work and how many pairs a file of weights took, and how they got better, as `<weights>.json`."""
    pairs, cuda = 2 * pupil.recipe.scenes, pupil.device.type == "cuda"  # of a batch, both orders
    content: dict[str, Any] = {
        "sha256": sha256(weights),
        "recipe": asdict(pupil.recipe),
        "made_up_pairs": pairs * (progress.step - progress.unlabelled_batches),
        "unlabelled_pairs": pairs * progress.unlabelled_batches,
        "cpu_hours": round(progress.cpu_s / 3600, 3),
        "wall_hours": round(progress.wall_s / 3600, 3),
        "device": torch.cuda.get_device_name(pupil.device) if cuda else "cpu",
        "threads": torch.get_num_threads(),
        "torch": torch.__version__,
        "progress": asdict(progress),
    }
    write_json(weights.with_suffix(".json"), content)


def begin(folder: Path, pupil: Pupil, preset: Preset, weights: Path) -> None:
    """Make weights that have their story beside them the first checkpoint of a folder.

    Weights count as their own average, and the optimizer begins anew: it warms up again.
    """
    told = read_json(weights.with_suffix(".json"))
    net = load(preset, weights, told["sha256"])
    for mine in (pupil.net, pupil.average):
        mine.load_state_dict(net.state_dict())
    save(folder, pupil, Progress(**told["progress"]))
