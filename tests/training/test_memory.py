"""Memory that a step frees serves the next one without a page fault."""

import subprocess
import sys

import pytest

FAULTS = """
import resource, sys, torch
from stages.training.memory import keep_freed_memory
if sys.argv[1] == "kept":
    keep_freed_memory()
def faults():
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    torch.ones(16 * 2**20)
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before
for _ in range(20):  # the heap grows a few times first
    last = faults()
print(last)
"""


def faults(how: str) -> int:
    done = subprocess.run([sys.executable, "-c", FAULTS, how], capture_output=True, text=True, check=True)
    return int(done.stdout)


@pytest.mark.skipif(sys.platform != "linux", reason="glibc alone has mallopt")
def test_a_block_that_was_freed_is_had_again_without_faults() -> None:
    assert faults("kept") < 10
    assert faults("given back") > 30  # of 64 MB, in pages of 2 MB at most
