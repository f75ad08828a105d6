"""Tells Airflow that videos have arrived: once for each, when nobody is putting more there, and enough are waiting."""

import asyncio
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

from airflow.triggers.base import BaseEventTrigger, TriggerEvent
from arriving import Inbox, look


class InboxTrigger(BaseEventTrigger):
    """Watches a folder that need not exist yet. Runs in the triggerer, which must be able to import this module."""

    def __init__(self, folder: str, min_videos: int, quiet_s: float, patience_s: float, poll_s: float) -> None:
        """Set what to wait for.

        Args:
            folder: The inbox.
            min_videos: So many videos that were not told of yet.
            quiet_s: A video counts when nothing of it changed for so long; and all of them have to.
            patience_s: After so long those that have settled count even while others are still being written.
            poll_s: From one look to the next.
        """
        super().__init__()
        self.folder, self.min_videos, self.quiet_s = folder, min_videos, quiet_s
        self.patience_s, self.poll_s = patience_s, poll_s

    def serialize(self) -> tuple[str, dict[str, Any]]:
        """Name and arguments, from which the triggerer makes another one."""
        names = ("folder", "min_videos", "quiet_s", "patience_s", "poll_s")
        return f"{type(self).__module__}.{type(self).__qualname__}", {name: getattr(self, name) for name in names}

    async def run(self) -> AsyncIterator[TriggerEvent]:
        """An event for each time that enough new videos wait; never ends.

        What was told of is remembered as long as it lies there. After a restart of the triggerer it is told of again:
        a run that then finds nothing new costs little, a video that nobody is told of would wait for a week.
        """
        told: set[str] = set()
        while True:
            found = await asyncio.to_thread(self._look)
            told &= set(found.settled)
            new = [name for name in found.settled if name not in told]
            if len(new) >= self.min_videos and (not found.moving or found.oldest_s >= self.patience_s):
                told |= set(new)
                yield TriggerEvent({"folder": self.folder, "videos": len(new)})
            await asyncio.sleep(self.poll_s)

    def _look(self) -> Inbox:
        return look(Path(self.folder), quiet_s=self.quiet_s, now_s=time.time())
