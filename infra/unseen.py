"""Scores trained models on corpora that nobody saw while they were made: `make unseen SEEDS="101 102 103"`.

For each seed a folder .unseen/<seed> is made with params.yaml of its own (another perform.seed, every video held out)
and the trained models; the stages from perform to report run there, without dvc, and their scores are shown side by
side. Nothing is trained.
"""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import yaml

# Run as a program, this file's folder is where imports are looked for; from the tests it is the project's root.
sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from infra.environment import ROOT

_ARRIVAL = "unseen"
_PROGRAMME = {"solos_per_instrument": 8, "duets": 0, "twins": 0}  # all of them are tested on, so fewer do
_COLUMNS = ("si_sdri", "si_sdri_low", "si_sdri_high", "sdr", "sir", "sar", "n", "n_videos")


class UnseenError(ValueError):
    """There is no model to score, or a stage failed."""


def unseen_params(params: dict[str, Any], seed: int) -> dict[str, Any]:
    """params.yaml for another corpus: solos only, and every one a test video."""
    if seed == params["perform"]["seed"]:
        raise UnseenError(f"seed {seed} is perform.seed of params.yaml: models were trained on that corpus")
    return {
        **params,
        "perform": {**params["perform"], "seed": seed, "regular": _PROGRAMME},
        "index": {**params["index"], "builtin": [_ARRIVAL], "test_share": 0.999, "validation_share": 0.0},
        "mixes": {**params["mixes"], "validation": dict.fromkeys(params["mixes"]["validation"], 0)},
    }


def score(root: Path, seed: int) -> dict[str, Any]:
    """Content of reports/metrics.json for the models of `root` on the corpus of `seed`."""
    params = yaml.safe_load((root / "params.yaml").read_text(encoding="utf-8"))
    changed = unseen_params(params, seed)
    folder = root / ".unseen" / str(seed)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "params.yaml").write_text(yaml.safe_dump(changed, sort_keys=False), encoding="utf-8")
    for name in params["models"]:
        if not (root / "models" / name / "model.json").exists():
            raise UnseenError(f"models/{name}: not trained yet; run `dvc repro train@{name}`")
        shutil.copytree(root / "models" / name, folder / "models" / name, dirs_exist_ok=True)
    for arguments in _stages(changed):
        _call(root, folder, arguments)
    return json.loads((folder / "reports/metrics.json").read_text(encoding="utf-8"))


def _stages(params: dict[str, Any]) -> list[list[str]]:
    rendered = [["perform", name] for name in params["index"]["builtin"]]
    scored = [["evaluate", name] for name in params["models"]]
    return [*rendered, ["index"], ["decode"], ["mixes"], ["baselines"], *scored, ["report"]]


def _call(root: Path, folder: Path, arguments: list[str]) -> None:
    own = {"PYTHONPATH": str(root), "PIXELS_STORE": os.environ.get("PIXELS_STORE", str(root / ".store"))}
    done = subprocess.run(
        [sys.executable, "-m", "stages", *arguments], cwd=folder, env={**os.environ, **own}, check=False
    )
    if done.returncode:
        raise UnseenError(f"{folder}: stage {' '.join(arguments)} ended with status {done.returncode}")


def table(scored: dict[int, dict[str, Any]], models: list[str]) -> str:
    """One line for each seed, model and kind of mix, as Markdown."""
    lines = [
        "| seed | model | mixes | SI-SDR gain (95 %) | SDR / SIR / SAR | n | videos |",
        "|---|---|---|---|---|---|---|",
    ]
    for seed, metrics in scored.items():
        for model in models:
            lines += [_line(seed, model, kind, summary) for kind, summary in sorted(metrics[model].items())]
    return "\n".join(lines)


def _line(seed: int, model: str, kind: str, summary: dict[str, Any]) -> str:
    gain, low, high, sdr, sir, sar, mixes, videos = (summary[name] for name in _COLUMNS)
    interval = "-" if low is None else f"{low:.1f} to {high:.1f}"
    ratios = f"{sdr:.1f} / {sir:.1f} / {sar:.1f}"
    return f"| {seed} | {model} | {kind} | {gain:.1f} ({interval}) | {ratios} | {mixes} | {videos} |"


def main(seeds: list[str]) -> int:
    """Exit status 0, or 1 with the reason."""
    if not seeds or not all(seed.isdecimal() for seed in seeds):
        print('unseen: expected seeds, whole numbers: make unseen SEEDS="101 102 103"', file=sys.stderr)
        return 1
    try:
        scored = {int(seed): score(ROOT, int(seed)) for seed in seeds}
    except UnseenError as error:
        print(f"unseen: {error}", file=sys.stderr)
        return 1
    models = list(yaml.safe_load((ROOT / "params.yaml").read_text(encoding="utf-8"))["models"])
    print(table(scored, models))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
