"""What was found out about each file's content, kept in the store: a grown folder costs only its new files."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from stages.shards.files import read_json, write_json
from stages.shards.store import Store

_FINDING = "finding.json"


class Findings:
    """Remembers one JSON value a content."""

    def __init__(self, root: Path, basis: dict[str, Any]) -> None:
        """Args: the store's root, and all but the content that a finding depends on (JSON values)."""
        self._store, self._basis = Store(root), basis

    def __call__(self, video_id: str, find: Callable[[], dict[str, Any]]) -> dict[str, Any]:
        """The finding on a content, from the store or else from `find`; nothing is kept when that raises."""
        # in 256 rooms: the store looks through a whole room for leftovers before it makes something in it
        room = f"index/{video_id[:2]}"
        key = {**self._basis, "video_id": video_id}
        folder = self._store.fetch_or_make(room, key, lambda target: write_json(target / _FINDING, find()))
        return read_json(folder / _FINDING)
