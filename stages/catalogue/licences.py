"""Under which licence a video is, by where it lies."""

from collections.abc import Mapping
from pathlib import PurePosixPath


def licence_of(path: str, licences: Mapping[str, str]) -> str | None:
    """Licence of the longest folder among `licences` that holds a path, None where none does."""
    folders = (str(parent) for parent in PurePosixPath(path).parents)  # the nearest first, "." last
    return next((licences[folder] for folder in folders if folder in licences), None)
