"""A whole small world: a workspace with the project's own code and graph, and params.yaml with tiny numbers."""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterable
from graphlib import TopologicalSorter
from pathlib import Path
from typing import Any

import yaml

from dags.graph import read_graph
from infra.run import settings
from stages.shards.files import sha256

ROOT = Path(__file__).resolve().parent.parent.parent

RESULTS = (
    "data/videos/**/*",
    "data/truth/**/*",
    "data/index/*",
    "data/decode/**/*",
    "data/flow/**/*",
    "data/trajectories/**/*",
    "data/leakage/*",
    "data/coincidence/*",
    "data/mixes/*",
    "data/evaluate/**/*",
    "models/**/*",
    "reports/*",
)

PHASE: dict[str, Any] = {
    "name": "S1",
    "rules": {"any": 1.0},
    "num_sources": 2,
    "steps": 24,
    "rate": 0.001,
    "appearance_rate": 0.001,
    "decay_steps": [16],
}

# Other numbers, same code: what each change of params.yaml makes small.
TINY: dict[str, Any] = {
    "clip": {"duration_s": 2.0, "sample_rate_hz": 8000, "frame_rate_hz": 4, "frame_side_px": 48},
    "spectrogram": {"fft_samples": 510, "hop_samples": 252, "log_frequency_rows": 32},
    "perform": {
        "instruments": ["violin", "xylophone"],
        "regular": {"solos_per_instrument": 6, "duets": 1, "twins": 1},
        "shifted": {"solos_per_instrument": 1, "duets": 1, "twins": 0},
        "duration_s": 4.0,
        "frame_rate_hz": 12,
        "side_px": 64,
    },
    "index": {"validation_share": 0.3, "test_share": 0.3, "split_salt": 1},
    "decode": {"videos_per_shard": 3},
    "mixes": {
        "validation": {"different2": 2},
        "test": {
            "different2": 3,
            "different3": 0,
            "different4": 0,
            "same2": 2,
            "video2": 1,
            "shifted2": 0,
            "shifted_same2": 0,
        },
    },
    "models": {
        "pixels": {
            "channels": 4,
            "appearance": {"base_channels": 4, "num_frames": 1, "frame_stride": 2, "crop_px": 32},
            "audio": {"levels": 3, "base_channels": 4},
        }
    },
    "train": {
        "threads": 1,
        "pretrain": {"steps": 4, "batch_clips": 6},
        "batch_mixtures": 2,
        "optimizer": {"warmup_steps": 1},
        "curriculum": {"pixels": [PHASE]},
        "validate_every_steps": 12,
        "checkpoint_every_steps": 4,
    },
    "evaluate": {"filter_taps": 32, "bootstrap_resamples": 100},
    "register": {"examples": 1},
}


def tiny_params(changes: dict[str, Any] | None = None) -> dict[str, Any]:
    """params.yaml with the models and changes of `TINY`, and others on top."""
    content: dict[str, Any] = yaml.safe_load((ROOT / "params.yaml").read_text(encoding="utf-8"))
    content["models"] = {name: content["models"][name] for name in TINY["models"]}
    return _changed(_changed(content, TINY), changes or {})


def _changed(content: dict[str, Any], changes: dict[str, Any]) -> dict[str, Any]:
    nested = {key: _changed(content[key], value) for key, value in changes.items() if isinstance(value, dict)}
    return content | changes | nested


def make_workspace(folder: Path, changes: dict[str, Any] | None = None) -> Path:
    """A git and DVC workspace with this project's code, graph and tiny numbers, and nothing run."""
    skipped = shutil.ignore_patterns("__pycache__", ".*")
    for name in ("stages", "dags", "lists", "weights"):
        shutil.copytree(ROOT / name, folder / name, ignore=skipped)
    for name in ("dvc.yaml", ".dvcignore", ".gitignore", "requirements.txt", "requirements.lock"):
        shutil.copy(ROOT / name, folder / name)
    (folder / "params.yaml").write_text(yaml.safe_dump(tiny_params(changes), sort_keys=False), encoding="utf-8")
    for command in ("git init --quiet", "dvc init --quiet", "git add --all", "git commit --quiet --message small"):
        call(command, folder)
    return folder


def surroundings(workspace: Path, **changes: str) -> dict[str, str]:
    """Environment of every command in a workspace: store and registry of its own, nothing of this machine's."""
    own = {
        "PIXELS_STORE": str(workspace / ".store"),
        "MLFLOW_TRACKING_URI": f"sqlite:///{workspace / 'mlflow.db'}",
        "OMP_NUM_THREADS": "1",
        "PYTHONDONTWRITEBYTECODE": "1",
        "GIT_AUTHOR_NAME": "tests",
        "GIT_AUTHOR_EMAIL": "tests@localhost",
        "GIT_COMMITTER_NAME": "tests",
        "GIT_COMMITTER_EMAIL": "tests@localhost",
    }
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    return {**settings(os.environ), "PATH": path, **own, **changes}


def call(command: str, workspace: Path, **changes: str) -> str:
    """Run a shell line as DVC does; returns what it said, and fails with all of it."""
    done = subprocess.run(
        ["/bin/sh", "-c", command],
        cwd=workspace,
        env=surroundings(workspace, **changes),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    assert done.returncode == 0, f"`{command}` ended with status {done.returncode}:\n{done.stdout[-6000:]}"
    return done.stdout


def digests(workspace: Path, patterns: Iterable[str]) -> dict[str, str]:
    """sha256 of every file that one of the patterns matches, but for those that DVC writes to guide git."""
    found = {path for pattern in patterns for path in workspace.glob(pattern)}
    files = {path for path in found if path.is_file() and path.name != ".gitignore"}
    return {str(path.relative_to(workspace)): sha256(path) for path in sorted(files)}


def commands(workspace: Path) -> dict[str, str]:
    """`cmd` of each stage with its item filled in, in an order that the graph allows."""
    graph = read_graph(workspace)
    needs: dict[str, set[str]] = {address: set() for address in sorted(graph.stages)}
    for maker, user in graph.edges:
        needs[user].add(maker)
    pipeline: dict[str, Any] = yaml.safe_load((workspace / "dvc.yaml").read_text(encoding="utf-8"))["stages"]
    bodies = {name: stage.get("do", stage) for name, stage in pipeline.items()}
    order = TopologicalSorter(needs).static_order()
    return {
        name: re.sub(r"\$\{(?:key|item)\}", name.partition("@")[2], bodies[name.partition("@")[0]]["cmd"])
        for name in order
    }
