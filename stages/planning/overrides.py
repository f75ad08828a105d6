"""Single values of params.yaml in the grammar of `dvc exp run -S`, read by DVC's own reader."""

import tempfile
from collections.abc import Sequence
from pathlib import Path


class OverrideError(ValueError):
    """A change is not of the grammar, or names what is not there."""


def changed(content: bytes, changes: Sequence[str]) -> bytes:
    """A params file after changes such as `train.seed=2`, `+models.other.kind=pixels`, `~models.pixels`.

    Comments stay. Nothing is validated but the grammar and that what is changed or removed is there.

    Args:
        content: YAML.
        changes: Each gives one value; a sweep over several is refused.
    """
    if not changes:
        return content
    for change in changes:
        _check(change)
    with tempfile.TemporaryDirectory(prefix="pixels-params-") as scratch:
        path = Path(scratch) / "params.yaml"  # DVC goes by the suffix
        path.write_bytes(content)
        for change in changes:
            _apply(path, change)
        return path.read_bytes()


def _check(change: str) -> None:
    from dvc.utils.hydra import to_hydra_overrides
    from hydra.errors import HydraException

    try:
        (parsed,) = to_hydra_overrides([change])
    except HydraException as error:
        raise OverrideError(f"{change!r} is no change of params like train.seed=2: {error}") from error
    if parsed.is_sweep_override():
        raise OverrideError(f"{change!r} gives several values, and a run has one; put it in quotes if it is a text")


def _apply(path: Path, change: str) -> None:
    from dvc.exceptions import InvalidArgumentError
    from dvc.utils.hydra import apply_overrides

    try:
        apply_overrides(path, [change])
    except InvalidArgumentError as error:
        raise OverrideError(f"{change!r}: {error.__cause__ or error}") from error
