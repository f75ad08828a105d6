"""The trigger that watches the inbox: one event for each video, when enough wait and nobody is putting more there."""

import asyncio
from pathlib import Path
from typing import Any

import pytest
from inbox import InboxTrigger

SETTINGS: dict[str, Any] = {"min_videos": 2, "quiet_s": 0.2, "patience_s": 60.0, "poll_s": 0.02}


async def event(stream: Any, within_s: float) -> dict[str, Any] | None:
    """The payload of the next event; None where none comes in time, and the trigger then goes on."""
    waiting = stream.pending = getattr(stream, "pending", None) or asyncio.ensure_future(anext(stream.run))
    done, _ = await asyncio.wait([waiting], timeout=within_s)
    if not done:
        return None
    stream.pending = None
    return waiting.result().payload


class Watched:
    """A running trigger."""

    def __init__(self, folder: Path, **changes: float) -> None:
        self.run = InboxTrigger(str(folder), **{**SETTINGS, **changes}).run()
        self.pending: asyncio.Future[Any] | None = None


def put(folder: Path, *names: str) -> None:
    folder.mkdir(exist_ok=True)
    for name in names:
        (folder / name).write_text("film", encoding="utf-8")


def test_it_tells_of_each_video_once_and_never_of_too_few(tmp_path: Path) -> None:
    inbox = tmp_path / "inbox"

    async def watch() -> None:
        stream = Watched(inbox)
        assert await event(stream, 0.2) is None  # no such folder yet
        put(inbox, "a.mp4")
        assert await event(stream, 0.6) is None  # one is not enough
        put(inbox, "b.mp4")
        assert await event(stream, 20) == {"folder": str(inbox), "videos": 2}
        assert await event(stream, 0.6) is None  # the run has not moved them yet
        put(inbox, "c.mp4")
        assert await event(stream, 0.6) is None
        (inbox / "a.mp4").unlink()
        (inbox / "b.mp4").unlink()
        put(inbox, "d.mp4")
        assert await event(stream, 20) == {"folder": str(inbox), "videos": 2}

    asyncio.run(watch())


def test_it_waits_while_somebody_puts_more_there_but_not_for_ever(tmp_path: Path) -> None:
    put(tmp_path, "a.mp4", "b.mp4")

    async def events(patience_s: float, for_s: float) -> list[dict[str, Any]]:
        stream, found = Watched(tmp_path, patience_s=patience_s), []
        end = asyncio.get_running_loop().time() + for_s
        number = 0
        while asyncio.get_running_loop().time() < end:
            put(tmp_path, f"more{number}.mp4")  # never quiet
            number += 1
            if (got := await event(stream, 0.05)) is not None:
                found.append(got)
        return found

    assert asyncio.run(events(60.0, 1.0)) == []
    assert asyncio.run(events(0.4, 3.0)) != []


def test_a_copy_in_the_triggerer_is_made_from_name_and_arguments(tmp_path: Path) -> None:
    trigger = InboxTrigger(str(tmp_path), **SETTINGS)
    path, arguments = trigger.serialize()
    assert path == "inbox.InboxTrigger"  # found on the path that Airflow's dag folder is on
    assert InboxTrigger(**arguments).serialize() == (path, arguments)


@pytest.mark.parametrize("videos", [1, 3])
def test_the_least_number_of_videos_is_a_setting(tmp_path: Path, videos: int) -> None:
    put(tmp_path, "a.mp4", "b.mp4")

    async def watch() -> dict[str, Any] | None:
        return await event(Watched(tmp_path, min_videos=videos), 1.0)

    assert (asyncio.run(watch()) is not None) == (videos == 1)
