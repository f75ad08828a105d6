"""Progress for people: a bar with rate and ETA on a terminal, a plain line now and then elsewhere."""

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

_SECONDS_BETWEEN_LINES = 10.0


class Meter:
    """Counts finished work; `advance` may be called from one thread only."""

    def __init__(self, label: str, *, total: int, unit: str, bar: Progress | None) -> None:
        self._label, self._total, self._unit, self._bar = label, total, unit, bar
        self._task = bar.add_task(label, total=total, note="") if bar else None
        self._done = 0
        self._started_s = self._last_line_s = time.monotonic()

    def advance(self, count: int = 1, note: str = "") -> None:
        """Say that `count` more units are done; `note` (a loss, a failure count) is shown beside them."""
        self._done += count
        now_s = time.monotonic()
        rate = max(self._done, 1e-9) / max(now_s - self._started_s, 1e-9)
        if self._bar is not None and self._task is not None:
            self._bar.update(self._task, completed=self._done, note=f"{rate:.3g} {self._unit}/s {note}")
        elif self._done >= self._total or now_s - self._last_line_s >= _SECONDS_BETWEEN_LINES:
            self._last_line_s = now_s
            left_s = (self._total - self._done) / rate
            line = (
                f"{self._label}: {self._done}/{self._total} {self._unit}, {rate:.3g} {self._unit}/s, ETA {left_s:.0f} s"
            )
            print(f"{line} {note}".rstrip(), file=sys.stderr, flush=True)

    def skip(self, count: int) -> None:
        """Say that `count` of the units need no work."""
        self._total -= count
        if self._bar is not None and self._task is not None:
            self._bar.update(self._task, total=self._total)


@contextmanager
def progress(label: str, *, total: int, unit: str) -> Iterator[Meter]:
    """A meter for `total` units of work named `unit` (plural)."""
    console = Console(stderr=True)
    if not console.is_terminal:
        yield Meter(label, total=total, unit=unit, bar=None)
        return
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
        TextColumn("{task.fields[note]}"),
    )
    with Progress(*columns, console=console) as bar:
        yield Meter(label, total=total, unit=unit, bar=bar)
