"""A registry in which a small model was registered again and again."""

from pathlib import Path
from typing import Any

import yaml

from stages import layout, register
from stages.shards.files import read_json
from tests.synth.registered import SECTIONS, write_model, write_scores

PARAMS = Path(__file__).resolve().parents[2] / "params.yaml"


def write_params(root: Path) -> None:
    """params.yaml of the project with the gate of the small world."""
    content: dict[str, Any] = yaml.safe_load(PARAMS.read_text(encoding="utf-8"))
    content["register"] = SECTIONS["register"].model_dump(mode="json")
    (root / layout.PARAMS).write_text(yaml.safe_dump(content), encoding="utf-8")


def register_again(root: Path, values_db: list[float | None], *, seed: int, **changes: Any) -> str:
    """Train (by a seed), score (by hand) and register; the version's number."""
    write_model(root, seed=seed)
    write_scores(root, values_db, **changes)
    register.run("pixels", **SECTIONS)
    return read_json(layout.receipt("pixels"))["version"]
