"""Which split a video belongs to: its folder or its content alone decide, so that it stays when others come or go."""

import hashlib

from stages.params import Index
from stages.shards.schema import Split

_HASH_BITS = 64


def split_of(video_id: str, arrival: str, index: Index) -> Split:
    """Test, validation or train, with the shares of `index` over many videos; all clips of a video go together.

    Whatever lies in an arrival folder of `index.shifted` is "shifted": only ever tested on, and counted apart.
    """
    if arrival in index.shifted:
        return "shifted"
    digest = hashlib.sha256(f"{index.split_salt}:{video_id}".encode()).digest()
    draw = int.from_bytes(digest[: _HASH_BITS // 8]) / 2**_HASH_BITS
    if draw < index.test_share:
        return "test"
    return "validation" if draw < index.test_share + index.validation_share else "train"
