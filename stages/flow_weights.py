"""Command `flow-weights`: teach PWC-Net from made-up pairs, in chunks that go on where the last one stopped."""

import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch

from stages.motion.pwcnet import PRESETS, Preset
from stages.motion.weights import save
from stages.shards.files import sha256, sha256_json, write_json
from stages.teaching.checkpoint import Progress, locked
from stages.teaching.lessons import Lessons, Limits
from stages.teaching.pupil import Pupil
from stages.teaching.recipe import RECIPES, Recipe
from stages.tracking.runs import open_run
from stages.training.interrupt import end_if, stop_on_sigterm
from stages.training.seeding import choose_device, make_deterministic
from stages.training.tracker import closing

LICENCE = "MIT"  # of the weights that this command makes


def teach(preset: str, folder: Path, *, minutes: float, frames: Path | None, device: str) -> int:
    """Teach for so long and write `<folder>/<preset>.safetensors` and `.json`; the exit status."""
    try:
        _teach(known(preset), folder, minutes=minutes, frames=frames, device=device)
    except (ValueError, OSError) as error:
        print(f"flow-weights: {error}", file=sys.stderr)
        return 1
    return 0


def known(preset: str) -> Preset:
    """A preset by its name."""
    for name in RECIPES:
        if name == preset:
            return name
    raise ValueError(f"no preset {preset}; there are {', '.join(RECIPES)}")


def _teach(preset: Preset, folder: Path, *, minutes: float, frames: Path | None, device: str) -> None:
    recipe = RECIPES[preset]
    chosen = choose_device(device)
    make_deterministic(torch.get_num_threads(), chosen)
    content = asdict(recipe) | {"preset": preset}
    tracker = open_run(stage="flow-weights", model=preset, key=sha256_json(content), params={"recipe": content})
    with stop_on_sigterm() as stop, closing(tracker), locked(folder):
        pupil = Pupil(PRESETS[preset], recipe, chosen)
        progress = Lessons(pupil, folder, tracker, frames).complete(Limits(60 * minutes, None), stop)
        weights = folder / f"{preset}.safetensors"
        save(pupil.average, weights, preset=preset, licence=LICENCE, half=True)
        write_json(folder / f"{preset}.json", {"sha256": sha256(weights), **story(recipe, progress, chosen)})
        end_if(stop.requested)


def story(recipe: Recipe, progress: Progress, device: torch.device) -> dict[str, Any]:
    """What weights were made of: by how much work, from how many pairs, and how they got better."""
    pairs = 2 * recipe.scenes  # of a batch, both orders
    return {
        "recipe": asdict(recipe),
        "steps": progress.step,
        "made_up_pairs": pairs * (progress.step - progress.unlabelled_batches),
        "unlabelled_pairs": pairs * progress.unlabelled_batches,
        "bad_batches": progress.bad_batches,
        "cpu_hours": round(progress.cpu_s / 3600, 3),
        "wall_hours": round(progress.wall_s / 3600, 3),
        "device": torch.cuda.get_device_name(device) if device.type == "cuda" else "cpu",
        "threads": torch.get_num_threads(),
        "torch": torch.__version__,
        "curves": progress.history,
    }
