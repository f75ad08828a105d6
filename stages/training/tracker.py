"""What training tells the outside world while it runs."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Protocol


class Tracker(Protocol):
    """Receives live metrics; must neither block nor raise for long."""

    def log(self, metrics: dict[str, float], step: int) -> None:
        """Values by name, as they stood after `step` steps."""
        ...

    def phase(self, name: str, params: dict[str, Any]) -> "Tracker":
        """A part of the run with settings of its own; what it is told, the whole is told, too."""
        ...

    def close(self, status: str) -> None:
        """End of the run: FINISHED, FAILED or KILLED."""
        ...


class Unheard:
    """A tracker of those who have nothing to tell: ranks but the first."""

    def log(self, metrics: dict[str, float], step: int) -> None:
        """Nothing."""

    def phase(self, name: str, params: dict[str, Any]) -> "Unheard":  # noqa: ARG002 - nobody hears it
        """Nothing either."""
        return self

    def close(self, status: str) -> None:
        """Nothing."""


@contextmanager
def closing(tracker: Tracker) -> Iterator[Tracker]:
    """Close the tracker with what the block came to: an end on request (SystemExit, Ctrl-C) is KILLED."""
    status = "FAILED"
    try:
        yield tracker
        status = "FINISHED"
    except (SystemExit, KeyboardInterrupt):
        status = "KILLED"
        raise
    finally:
        tracker.close(status)
