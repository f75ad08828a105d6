"""Which work of the store the workspaces of this host stand on."""

from dataclasses import dataclass
from pathlib import Path

from stages import layout
from stages.keeping.entries import TRAIN
from stages.shards.files import read_json
from stages.shards.store import USES


@dataclass(frozen=True, slots=True)
class Use:
    """What one stage of one workspace made its outs of."""

    record: Path
    workspace: Path
    names: tuple[str, ...]  # of entries: `decode/1234...`


def uses(root: Path) -> list[Use]:
    """All records of a store."""
    return [_read(record) for record in sorted((root / USES).glob("*.json"))]


def names_in_use(recorded: list[Use]) -> set[str]:
    """Names of all entries that a workspace which is still there stands on, checkpoints of its models among them."""
    there = [use for use in recorded if use.workspace.is_dir()]
    names = {name for use in there for name in use.names}
    return names.union(*(_checkpoints(workspace) for workspace in {use.workspace for use in there}))


def _checkpoints(workspace: Path) -> set[str]:
    cards = workspace.glob(layout.model("*").as_posix() + "/model.json")
    return {f"{TRAIN}/{read_json(card).get('key')}" for card in cards}


def _read(record: Path) -> Use:
    content = read_json(record)
    return Use(record, Path(content["workspace"]), tuple(content["folders"]))
