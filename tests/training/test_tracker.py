"""How a run's end is told."""

import pytest

from stages.training.tracker import closing
from tests.synth.learning import MemoryTracker


@pytest.mark.parametrize(
    ("error", "status"), [(SystemExit, "KILLED"), (KeyboardInterrupt, "KILLED"), (ValueError, "FAILED")]
)
def test_an_end_by_exception_is_told_and_passed_on(error: type[BaseException], status: str) -> None:
    tracker = MemoryTracker()
    with pytest.raises(error), closing(tracker):
        raise error
    assert tracker.status == status


def test_a_good_end_is_finished() -> None:
    tracker = MemoryTracker()
    with closing(tracker):
        assert tracker.status == ""
    assert tracker.status == "FINISHED"
