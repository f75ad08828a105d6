"""What 1 % more videos cost after a first run: `python -m tests.benchmarks.incremental FOLDER [result.json]`.

FOLDER receives the films, each of its own tone, and is used again when they are there. `index` and `decode` run three
times, as processes of their own and without ray, whose processes would not be counted: on all films of a first arrival
folder, with 1 % more in a second one, and once more with nothing new. CPU seconds are user and system time of a stage
and of all processes that it started (ffmpeg's), less what importing the stage costs; without bubblewrap, which does not
tell what ran in it.
"""

import resource
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import yaml

from tests.benchmarks.timing import tell
from tests.synth.media import Film, write_film
from tests.synth.world import ROOT, surroundings

NUM_VIDEOS, NUM_NEW = 200, 2
STAGES = ("index", "decode")


def films(folder: Path) -> list[Path]:
    """`NUM_VIDEOS` + `NUM_NEW` films."""
    paths = [folder / f"{number:04d}.mov" for number in range(NUM_VIDEOS + NUM_NEW)]
    for number, path in enumerate(paths):
        if not path.exists():
            write_film(path, Film(duration_s=3.0, height=64, width=64, tone_hz=200 + 5 * number))
    return paths


def arrive(paths: list[Path], folder: Path) -> None:
    folder.mkdir(parents=True)
    for path in paths:
        shutil.copy(path, folder / path.name)


def run(workspace: Path, stage: str) -> float:
    """CPU seconds of a stage, without those of its imports."""
    return cpu_s([sys.executable, "-m", "stages", stage], workspace) - start_s(workspace, stage)


def start_s(workspace: Path, stage: str) -> float:
    code = f"import stages.__main__, stages.launch, stages.{stage}"
    return min(cpu_s([sys.executable, "-c", code], workspace) for _ in range(3))


def cpu_s(command: list[str], workspace: Path) -> float:
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    environment = surroundings(workspace, PIXELS_SERIAL="1", PYTHONPATH=str(ROOT), PATH=str(workspace / "bin"))
    subprocess.run(command, cwd=workspace, env=environment, check=True, stdout=subprocess.DEVNULL)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def measure(workspace: Path, made: list[Path]) -> dict[str, Any]:
    """CPU seconds of each stage and shards made, for each of the three runs."""
    runs: dict[str, dict[str, float]] = {}
    shards = workspace / ".store" / "decode"
    for name, new in (("first", made[:NUM_VIDEOS]), ("1 % more", made[NUM_VIDEOS:]), ("nothing new", [])):
        if new:
            arrive(new, workspace / "videos" / name.replace(" ", "_"))
        before = set(shards.glob("*"))
        spent = {stage: round(run(workspace, stage), 3) for stage in STAGES}
        runs[name] = spent | {"shards_made": len(set(shards.glob("*")) - before)}
    return runs


def main(folder: Path) -> None:
    made = films(folder)
    with tempfile.TemporaryDirectory(prefix="pixels-incremental-") as scratch:
        params = yaml.safe_load((ROOT / "params.yaml").read_text(encoding="utf-8"))
        params["index"] |= {"videos": "videos", "builtin": []}
        (Path(scratch) / "bin").mkdir()
        for tool in ("ffmpeg", "ffprobe"):
            (Path(scratch) / "bin" / tool).symlink_to(str(shutil.which(tool)))
        (Path(scratch) / "params.yaml").write_text(yaml.safe_dump(params), encoding="utf-8")
        runs = measure(Path(scratch), made)
    total = {name: sum(spent[stage] for stage in STAGES) for name, spent in runs.items()}
    content = {
        "videos": NUM_VIDEOS,
        "new_videos": NUM_NEW,
        "cpu_s": runs,
        "share_of_first_run": {name: round(total[name] / total["first"], 4) for name in ("1 % more", "nothing new")},
        "share_of_decode": {
            name: round(runs[name]["decode"] / runs["first"]["decode"], 4) for name in ("1 % more", "nothing new")
        },
    }
    tell(content, argument=2)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
