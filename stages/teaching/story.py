"""What weights were made of: a JSON file beside them, from which teaching can go on elsewhere."""

from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch

from stages.motion.pwcnet import Preset
from stages.motion.weights import load
from stages.shards.files import read_json, sha256, write_json
from stages.teaching.checkpoint import Progress, save
from stages.teaching.growth import grow
from stages.teaching.pupil import Pupil


def tell(weights: Path, preset: Preset, pupil: Pupil, progress: Progress) -> None:
    """Write how much work and how many pairs a file of weights took, and how they got better, as `<weights>.json`."""
    recipe, cuda = pupil.recipe, pupil.device.type == "cuda"
    small = progress.step - progress.unlabelled_batches - progress.larger_batches
    made_up = recipe.scenes * small + recipe.larger_scenes * progress.larger_batches
    content: dict[str, Any] = {
        "preset": preset,
        "sha256": sha256(weights),
        "recipe": asdict(recipe),
        "made_up_pairs": 2 * made_up,  # both orders
        "unlabelled_pairs": 2 * recipe.scenes * progress.unlabelled_batches,
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

    Weights count as their own average, and the optimizer begins anew: it warms up again. Those of the
    preset lite grow where another one is taught.
    """
    told = read_json(weights.with_suffix(".json"))
    progress, known = Progress(**told["progress"]), told.get("preset", preset)
    net = load(known, weights, told["sha256"])
    if known == preset:
        pupil.net.load_state_dict(net.state_dict())
    elif preset == "lite":
        raise ValueError(f"{weights}: holds weights of {known}, from which {preset} can't grow; the other way it can")
    else:
        grow(net, pupil.net)
        progress.grown_from = told["sha256"]
    pupil.average.load_state_dict(pupil.net.state_dict())
    save(folder, pupil, progress)
