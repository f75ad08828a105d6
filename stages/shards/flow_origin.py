"""Whom a folder of flow is by: said wherever results are shown, and never changed on the way."""

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal

from stages.shards.files import read_json, write_json


@dataclass(frozen=True, slots=True)
class FlowOrigin:
    """Who estimated a flow, and on what."""

    backend: str  # pwcnet or dis
    weights_sha256: str | None  # None where the backend has none
    weights_licence: str | None  # SPDX
    tool: str  # the library that computed it, with its version
    device: str  # cpu or cuda
    precision: Literal["fp32", "bf16"] | None = None  # of pwcnet

    def __str__(self) -> str:
        weights = f"; weights {self.weights_sha256[:12]}, {self.weights_licence}" if self.weights_sha256 else ""
        precision = f", {self.precision}" if self.precision else ""
        return f"{self.backend} ({self.tool}, {self.device}{precision}{weights})"


def write_origin(path: Path, origin: FlowOrigin) -> None:
    """Write it as JSON, whole or not at all."""
    write_json(path, asdict(origin))


def read_origin(path: Path) -> FlowOrigin | None:
    """What was written; None where no flow was estimated."""
    return FlowOrigin(**read_json(path)) if path.is_file() else None
