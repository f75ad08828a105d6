"""Command `flow-weights`: teach PWC-Net from made-up pairs, in chunks that go on where the last one stopped."""

from dataclasses import asdict
from pathlib import Path

import torch

from stages.motion.pwcnet import Preset
from stages.motion.weights import save
from stages.shards.files import sha256_json
from stages.teaching.lessons import Lessons, Limits
from stages.teaching.pupil import Pupil
from stages.teaching.recipe import RECIPES
from stages.tracking.runs import open_run
from stages.training.interrupt import end_if, stop_on_sigterm
from stages.training.seeding import choose_device, make_deterministic
from stages.training.tracker import closing


def teach(preset: Preset, folder: Path, *, minutes: float, steps: int, device: str) -> None:
    """Teach until the time is up or all steps are done, and write `<folder>/<preset>.safetensors`."""
    recipe = RECIPES[preset]
    chosen = choose_device(device)
    make_deterministic(torch.get_num_threads(), chosen)
    folder.mkdir(parents=True, exist_ok=True)
    content = asdict(recipe) | {"preset": preset}
    tracker = open_run(stage="flow-weights", model=preset, key=sha256_json(content), params={"recipe": content})
    with stop_on_sigterm() as stop, closing(tracker):
        pupil = Pupil(preset, recipe, chosen)
        Lessons(pupil, folder, tracker).complete(Limits(60 * minutes, steps), stop)
        save(pupil.average, folder / f"{preset}.safetensors", preset=preset, licence="Apache-2.0", half=True)
        end_if(stop.requested)
