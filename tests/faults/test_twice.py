"""Two pipelines at once, in two workspaces that share a store."""

import shutil
from collections.abc import Callable
from pathlib import Path

from tests.faults.harness import partials, results, start, tail

REPRO = "dvc --wait-for-lock repro --single-item decode train@pixels"


def forget(workspace: Path) -> None:
    for place in ("data/decode", "models", ".store/decode", ".store/train"):
        shutil.rmtree(workspace / place)


def test_two_workspaces_with_the_same_store(copied: Callable[[str], Path]) -> None:
    one, other = copied("one"), copied("other")
    before = results(one)
    for workspace in (one, other):
        forget(workspace)
    shared = {"PIXELS_STORE": str(one / ".store"), "PIXELS_SERIAL": "1"}
    started = [(workspace, start(REPRO, workspace, **shared)) for workspace in (one, other)]
    for workspace, process in started:
        assert process.wait(timeout=500) == 0, tail(workspace)
    assert results(one) == results(other) == before
    assert partials(one) == partials(other) == []
    assert len(list(one.glob(".store/train/*/.lock"))) == 2  # pretraining and its only phase: shared, not one each
