"""Writes params.yaml for a run: a preset or what stands there, the models that are wanted, single values."""

import tempfile
from collections.abc import Sequence
from pathlib import Path

import yaml

from stages import layout
from stages.params import ParamsError, read
from stages.planning.overrides import changed
from stages.shards.files import replacing


def report(*, preset: str | None, models: Sequence[str], changes: Sequence[str]) -> int:
    """Change params.yaml if the outcome is valid, else say what is wrong and leave it; the exit status.

    Args:
        preset: Name of a file of presets/; None: begin with params.yaml itself.
        models: Those to keep; empty: all.
        changes: `a.b.c=value`, in the grammar of `dvc exp run -S`.
    """
    try:
        content = changed(_base(preset), [*changes])
        content = changed(content, [f"~models.{name}" for name in _unwanted(content, models)])
        _check(content)
    except (ValueError, OSError) as error:
        print(f"configure: {error}")
        return 1
    with replacing(layout.PARAMS) as temporary:
        temporary.write_bytes(content)
    kept = ", ".join(models) or "all"
    print(f"{layout.PARAMS}: {preset or 'as it was'}; models: {kept}; {len(changes)} values changed")
    return 0


def _base(preset: str | None) -> bytes:
    if preset is None:
        return layout.PARAMS.read_bytes()
    presets = {path.stem: path for path in layout.PRESETS.glob("*.yaml")}
    if preset not in presets:
        raise ParamsError(f"no preset {preset!r}; there are: {', '.join(sorted(presets)) or 'none'}")
    return presets[preset].read_bytes()


def _unwanted(content: bytes, models: Sequence[str]) -> list[str]:
    there = yaml.safe_load(content).get("models", {})
    if missing := sorted(set(models) - set(there)):
        raise ParamsError(f"no model {', '.join(missing)}; these params have: {', '.join(there) or 'none'}")
    return [name for name in there if models and name not in models]


def _check(content: bytes) -> None:
    with tempfile.TemporaryDirectory(prefix="pixels-params-") as scratch:
        path = Path(scratch) / layout.PARAMS.name
        path.write_bytes(content)
        try:
            read(path)
        except ParamsError as error:
            raise ParamsError(str(error).replace(str(path), str(layout.PARAMS))) from error
