"""Random generators keyed by words, so that what one draw decides never shifts another."""

import hashlib

import numpy as np


def generator(*words: object) -> np.random.Generator:
    """A generator that depends on all `words` (seed, arrival, video, purpose, ...) and on nothing else."""
    digest = hashlib.sha256("\x1f".join(map(str, words)).encode()).digest()
    return np.random.Generator(np.random.PCG64(int.from_bytes(digest[:16], "big")))
