"""Every path of a workspace, named once, relative to the project's root (the folder dvc runs commands in)."""

import os
from pathlib import Path

PARAMS = Path("params.yaml")
PIPELINE = Path("dvc.yaml")
LOCK = Path("dvc.lock")

VIDEOS = Path("data/videos")  # where the built-in corpus is rendered: VIDEOS/<arrival>/<label>/*.mp4
TRUTH = Path("data/truth")  # its truth, for evaluation only: TRUTH/<arrival>/

PRESETS = Path("presets")  # ready-made files of the shape of params.yaml

LISTS = Path("lists")  # published lists of videos, index.lists names their files

WEIGHTS = Path("weights")  # of networks that estimate flow, flow.weights names its files

INDEX = Path("data/index")
CLIPS = INDEX / "clips.parquet"
INDEX_REJECTS = INDEX / "rejects.parquet"
AVAILABILITY = INDEX / "availability.parquet"

DECODE = Path("data/decode")
SHARDS = DECODE / "shards"
DECODED_CLIPS = DECODE / "clips.parquet"
DECODE_REJECTS = DECODE / "rejects.parquet"
MANIFEST = DECODE / "manifest.json"

FLOW = Path("data/flow")  # with shards/ and manifest.json, as DECODE
FLOW_CLIPS = FLOW / "clips.parquet"
FLOW_REJECTS = FLOW / "rejects.parquet"
FLOW_ORIGIN = FLOW / "origin.json"  # who estimated it

TRAJECTORIES = Path("data/trajectories")  # with shards/ and manifest.json, as DECODE
TRAJECTORY_CLIPS = TRAJECTORIES / "clips.parquet"

LEAKS = Path("data/leakage/leaks.parquet")

COINCIDENCE = Path("data/coincidence/coincidence.parquet")
COINCIDENCE_METRICS = COINCIDENCE.with_name("metrics.json")
COINCIDENCE_MAPS = COINCIDENCE.with_name("maps.npz")

MIXES = Path("data/mixes/mixes.parquet")

TRAINING_VIDEOS = Path("training_videos.json")  # beside a model's weights and its checkpoints: whom they have seen

REPORTS = Path("reports")
METRICS = REPORTS / "metrics.json"
SCORES = REPORTS / "scores.parquet"
TABLE = REPORTS / "table.txt"
ADMISSION = REPORTS / "admission"  # of the videos to training, by the command; no out of a stage
COMPARISON = REPORTS / "compare.html"  # of two versions, by the command; no out of a stage
STANDINGS = REPORTS / "standings.html"  # of many versions, by the command; no out of a stage
PLOTS = REPORTS / "plots"  # points of each plot as JSON: what `dvc plots show` draws


def model(name: str) -> Path:
    """Folder of a trained model: weights.safetensors, model.json, curves.json, TRAINING_VIDEOS."""
    return Path("models") / name


def evaluation(name: str) -> Path:
    """Folder of one model's (or of the baselines') scores: scores.parquet, metrics.json."""
    return Path("data/evaluate") / name


def receipt(name: str) -> Path:
    """What the registry answered for one model."""
    return REPORTS / "register" / f"{name}.json"


def manifests(sees: str) -> tuple[Path, ...]:
    """Manifests of the shards that a model learns from which sees the stage `sees`: those of frames, and its own."""
    more = {"flow": FLOW, "trajectories": TRAJECTORIES}
    return (MANIFEST, *([more[sees] / MANIFEST.name] if sees in more else []))


def stage_lock(name: str) -> Path:
    """Held while the stage `name` (`train@pixels`) runs in this workspace."""
    return Path(".locks") / f"{name}.lock"


def runtime(name: str) -> Path:
    """How long the stage `name` took when it last ran here; for `make plan`, never an input of a stage."""
    return Path(".locks") / f"{name}.json"


def store() -> Path:
    """Finished work outside DVC's outs, keyed by all it depends on; may be shared by the worktrees of a host."""
    return Path(os.environ.get("PIXELS_STORE", ".store"))


def store_lock(stage: str) -> Path:
    """Shared by the processes of all workspaces that run this stage; who has it alone may remove the stage's work."""
    return store() / ".locks" / f"{stage}.lock"


def flow_weights() -> Path:
    """Where PWC-Net is taught: checkpoints, curves and weights, a folder for each preset."""
    return Path(os.environ.get("PIXELS_FLOW_WEIGHTS", ".flow-weights"))


def runs() -> Path:
    """Where runs work that have a git worktree of their own: one folder each, and beside it what is known of it."""
    return Path(os.environ.get("PIXELS_RUNS", ".runs"))


def artifacts(uri: str) -> Path | None:
    """Folder of MLflow's artifacts beside a sqlite file; None for a server, which knows its own."""
    scheme = "sqlite:///"
    return Path(uri.removeprefix(scheme)).resolve().parent / "mlartifacts" if uri.startswith(scheme) else None


def tracking_uri() -> str:
    """Address of the MLflow server and registry."""
    return os.environ.get("MLFLOW_TRACKING_URI", f"sqlite:///{Path('mlflow.db').resolve()}")
