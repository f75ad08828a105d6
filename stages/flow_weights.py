"""Command `flow-weights`: teach PWC-Net from made-up pairs, in chunks that go on where the last one stopped."""

import sys
from dataclasses import asdict, dataclass
from pathlib import Path

import torch

from stages.motion.pwcnet import PRESETS, Preset
from stages.motion.weights import save
from stages.shards.files import sha256_json
from stages.teaching.checkpoint import found, locked
from stages.teaching.lessons import Lessons, Limits
from stages.teaching.pupil import Pupil
from stages.teaching.recipe import RECIPES
from stages.teaching.story import begin, tell
from stages.tracking.runs import open_run
from stages.training.interrupt import end_if, stop_on_sigterm
from stages.training.seeding import choose_device, make_deterministic
from stages.training.tracker import closing

LICENCE = "MIT"  # of the weights that this command makes


@dataclass(frozen=True, slots=True)
class Wishes:
    """What a call asks for."""

    minutes: float
    until: int | None  # step at which teaching is over
    frames: Path | None  # decoded ones, to learn from without truth
    start: Path | None  # weights to begin from


def teach(preset: str, folder: Path, wishes: Wishes) -> int:
    """Teach as is wished and write `<folder>/<preset>.safetensors` and `.json`; the exit status."""
    try:
        _teach(known(preset), folder, wishes)
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


def _teach(preset: Preset, folder: Path, wishes: Wishes) -> None:
    recipe = RECIPES[preset]
    chosen = choose_device("auto")
    make_deterministic(torch.get_num_threads(), chosen)
    content = asdict(recipe) | {"preset": preset}
    tracker = open_run(stage="flow-weights", model=preset, key=sha256_json(content), params={"recipe": content})
    with stop_on_sigterm() as stop, closing(tracker), locked(folder):
        pupil = Pupil(PRESETS[preset], recipe, chosen)
        if wishes.start and not found(folder):
            begin(folder, pupil, preset, wishes.start)
        limits = Limits(60 * wishes.minutes, None, wishes.until)
        progress = Lessons(pupil, folder, tracker, wishes.frames).complete(limits, stop)
        weights = folder / f"{preset}.safetensors"
        save(pupil.average, weights, preset=preset, licence=LICENCE, half=True)
        tell(weights, preset, pupil, progress)
        end_if(stop.requested)
