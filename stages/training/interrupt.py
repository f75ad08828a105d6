"""SIGTERM as a question that the loop asks between steps, so that it can leave a checkpoint behind."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType


class Stop:
    """`requested` turns true once the process was asked to end."""

    def __init__(self) -> None:
        self.requested = False

    def request(self, _signal: int, _frame: FrameType | None) -> None:
        """Signal handler."""
        self.requested = True


@contextmanager
def stop_on_sigterm() -> Iterator[Stop]:
    """Within it SIGTERM is only noted; the handler from before returns afterwards. Main thread only."""
    stop = Stop()
    before = signal.signal(signal.SIGTERM, stop.request)
    try:
        yield stop
    finally:
        signal.signal(signal.SIGTERM, before)


def end_if(unfinished: bool) -> None:
    """End the process as one that SIGTERM killed would."""
    if unfinished:
        raise SystemExit(128 + signal.SIGTERM)
