"""A registry in which a small model was registered again and again."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import yaml

from stages import layout, register
from stages.shards.files import read_json
from stages.shards.schema import MixSource
from stages.shards.tables import write_rows
from tests.synth.registered import SECTIONS, write_model, write_scored_world, write_scores
from tests.synth.signals import mix_rows

PARAMS = Path(__file__).resolve().parents[2] / "params.yaml"


def write_params(root: Path) -> None:
    """params.yaml of the project with the gate of the small world."""
    content: dict[str, Any] = yaml.safe_load(PARAMS.read_text(encoding="utf-8"))
    content["register"] = SECTIONS["register"].model_dump(mode="json")
    (root / layout.PARAMS).write_text(yaml.safe_dump(content), encoding="utf-8")


@contextmanager
def registry_world(folder: Path) -> Iterator[Path]:
    """The working folder of a block: scores of a small model, params, and a registry in which nothing is yet."""
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{folder / 'mlflow.db'}")
        patch.setenv("PIXELS_SERIAL", "1")
        write_scored_world(folder)
        write_params(folder)
        yield folder


def register_again(root: Path, values_db: list[float | None], *, seed: int, **changes: Any) -> str:
    """Train (by a seed), score (by hand) and register; the version's number."""
    write_model(root, seed=seed)
    write_scores(root, values_db, **changes)
    register.run("pixels", **SECTIONS)
    return read_json(layout.receipt("pixels"))["version"]


def draw_other_mixes(root: Path) -> None:
    """Two test mixes of the same clips, paired otherwise."""
    rows = [*mix_rows("mix0", ["0-2", "2-2"]), *mix_rows("mix1", ["1-2", "3-2"])]
    write_rows(root / layout.MIXES, rows, MixSource)


def stored(root: Path, version: Any, name: str) -> Path:
    """A file of a version's run or model in the artifact store."""
    ids = {version.run_id, version.model_id}
    (path,) = [path for path in root.glob(f"mlartifacts/**/{name}") if ids & set(path.parts)]
    return path


def damage(path: Path) -> None:
    """Flip the last bit of a file."""
    content = path.read_bytes()
    path.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
