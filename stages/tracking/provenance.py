"""Where a result comes from: the commit, and hashes of all that it was made of."""

import subprocess
from pathlib import Path

from stages import layout
from stages.shards.files import read_json, sha256
from stages.shards.flow_origin import read_origin

# What decides a result; dvc.lock and DVC's .gitignore files change in the course of every run.
_CODE = ("stages", "params.yaml", "dvc.yaml", "requirements.txt", "requirements.lock")


def commit() -> dict[str, str]:
    """Tags `git_commit` ("none" outside a repository) and `git_dirty`: whether code or params differ from it."""
    head = _git("rev-parse", "HEAD")
    if head is None:
        return {"git_commit": "none", "git_dirty": "true"}
    return {"git_commit": head, "git_dirty": str(bool(_git("status", "--porcelain", "--", *_CODE))).lower()}


def circumstances() -> dict[str, str]:
    """Tags that say where and when a record was made, though they do not decide it: commit and dvc.lock."""
    return commit() | ({"dvc_lock": sha256(layout.LOCK)} if layout.LOCK.is_file() else {})


def made_of(name: str) -> dict[str, str]:
    """Sha256 of what a model's record depends on: its weights, decoded data, mixes and scores."""
    files = {
        "weights": layout.model(name) / "weights.safetensors",
        "data": layout.MANIFEST,
        "mixes": layout.MIXES,
        "scores": layout.evaluation(name) / "scores.parquet",
    }
    missing = [str(path) for path in files.values() if not path.is_file()]
    if missing:
        raise ValueError(f"{', '.join(missing)}: not found; `dvc repro register@{name}` makes what it needs first")
    return {kind: sha256(path) for kind, path in files.items()}


def licences(name: str) -> dict[str, str]:
    """Tags `licences` of the videos that a model was trained on, and `non_commercial`, as its model.json says."""
    card = read_json(layout.model(name) / "model.json")
    return {"licences": ", ".join(card["licences"]), "non_commercial": str(card["non_commercial"]).lower()}


def flow_tags() -> dict[str, str]:
    """Tags `flow`, `flow_weights` and `flow_weights_licence`: who estimated the flow of the data."""
    origin = read_origin(layout.FLOW_ORIGIN)
    if origin is None:
        return {"flow": "none"}
    weights, licence = origin.weights_sha256 or "none", origin.weights_licence or "none"
    return {"flow": origin.backend, "flow_weights": weights, "flow_weights_licence": licence}


def digests(folder: Path) -> dict[str, str]:
    """Sha256 of every file below a folder, by relative path."""
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): sha256(path) for path in files}


def _git(*arguments: str) -> str | None:
    try:
        found = subprocess.run(["git", *arguments], capture_output=True, text=True, check=True, timeout=30)
    except (OSError, subprocess.SubprocessError):
        return None
    return found.stdout.strip()
