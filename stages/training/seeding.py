"""Randomness as a function: every draw comes from a generator named by (seed, step, ...), so nothing needs storing."""

import hashlib

import torch
from torch.utils import deterministic


def generator(*names: int | str) -> torch.Generator:
    """A CPU generator that depends on nothing but `names`."""
    digest = hashlib.sha256("/".join(map(str, names)).encode()).digest()
    return torch.Generator().manual_seed(int.from_bytes(digest[:8], "big") >> 1)


def choose_device(wanted: str) -> torch.device:
    """`auto` is CUDA where there is one."""
    found = torch.cuda.is_available()
    if wanted == "cuda" and not found:
        raise ValueError("train.device: cuda is wanted but torch finds no GPU; set it to auto or cpu in params.yaml")
    return torch.device("cuda" if found and wanted != "cpu" else "cpu")


def make_deterministic(threads: int, device: torch.device) -> None:
    """Equal inputs, threads and machine give equal bits on the CPU; a GPU is left to its fastest algorithms.

    The number of threads counts because sums are split between them.
    """
    torch.set_num_threads(threads)
    torch.use_deterministic_algorithms(device.type == "cpu")
    # A search for bugs, paid in every allocation.
    deterministic.fill_uninitialized_memory = False  # pyright: ignore[reportAttributeAccessIssue]
