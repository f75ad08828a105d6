"""Which split a video belongs to: its folder or its content alone decide, so that it stays when others come or go."""

import hashlib

from stages.params import Index
from stages.shards.schema import Split

_HASH_BITS = 64


def split_of(name: str, arrival: str, index: Index) -> Split:
    """Test, validation or train, with the shares of `index` over many videos; all clips of a video go together.

    Whatever lies in an arrival folder of `index.shifted` is "shifted": only ever tested on, and counted apart.

    Args:
        name: Of the video: its content's id, or the id that a list knows it by.
        arrival: Its folder.
        index: Shares and salt.
    """
    if arrival in index.shifted:
        return "shifted"
    draw = _draw(name, index)
    if draw < index.test_share:
        return "test"
    return "validation" if draw < index.test_share + index.validation_share else "train"


def train_or_validation(name: str, index: Index) -> Split:
    """Train or, for `index.validation_share` of the names, validation: where a list has no validation videos."""
    return "validation" if _draw(name, index) < index.validation_share else "train"


def _draw(name: str, index: Index) -> float:
    digest = hashlib.sha256(f"{index.split_salt}:{name}".encode()).digest()
    return int.from_bytes(digest[: _HASH_BITS // 8]) / 2**_HASH_BITS
