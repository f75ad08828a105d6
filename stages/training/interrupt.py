"""SIGTERM as a question that the loop asks between steps, so that it can leave a checkpoint behind."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

from stages.training.ranks import Ranks


class Stop:
    """`requested` turns true once the process was asked to end."""

    def __init__(self) -> None:
        self._asked = False

    @property
    def requested(self) -> bool:
        """Whether it was."""
        return self._asked

    def request(self, _signal: int, _frame: FrameType | None) -> None:
        """Signal handler."""
        self._asked = True


class StopFile(Stop):
    """The same for processes that no signal reaches, on other nodes, too: they look for a file that is made."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self._path = path

    @property
    def requested(self) -> bool:
        """Whether the file is there."""
        return self._path.exists()

    def request(self, _signal: int, _frame: FrameType | None) -> None:
        """Signal handler."""
        self._path.touch()

    @contextmanager
    def removed(self) -> Iterator[None]:
        """At the end of the block there is no file."""
        try:
            yield
        finally:
            self._path.unlink(missing_ok=True)


class AgreedStop(Stop):
    """Requested of all ranks as soon as of one: all must look at it the same number of times."""

    def __init__(self, ranks: Ranks, own: Stop) -> None:
        super().__init__()
        self._ranks, self._own = ranks, own

    @property
    def requested(self) -> bool:
        """Whether any rank was asked."""
        return self._ranks.any(self._own.requested)


@contextmanager
def stop_on_sigterm(stop: Stop | None = None) -> Iterator[Stop]:
    """Within it SIGTERM is only noted, in `stop`; the handler from before returns afterwards. Main thread only."""
    stop = stop or Stop()
    before = signal.signal(signal.SIGTERM, stop.request)
    try:
        yield stop
    finally:
        signal.signal(signal.SIGTERM, before)


def end_if(unfinished: bool) -> None:
    """End the process as one that SIGTERM killed would."""
    if unfinished:
        raise SystemExit(128 + signal.SIGTERM)
