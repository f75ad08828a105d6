"""The work of decode, cut into shards: each is made once in the store, by any worker, and named by its input alone."""

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from itertools import groupby
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from stages import layout
from stages.shards.census import CensusError, count_reasons
from stages.shards.check import DECODED, ShardSum
from stages.shards.files import read_json, sha256_json, write_json
from stages.shards.laying import lay_out, stored_sum
from stages.shards.schema import SCHEMA_VERSION, WINDOW, ClipMedia, ClipRow, DecodedClip, Reject
from stages.shards.store import Store
from stages.shards.tables import write_rows
from stages.shards.writer import ShardFormat, open_shard

SILENCE_DB = -200.0  # of digital silence: below the -136 dB of a single smallest sample in 3 s
_FULL_SCALE = 32768.0
_KEY_DIGITS = 12
_RESULT = "result.json"
_SHARD = "clips.arrow"
_ROOM = "decode"
MAX_DEATHS = 2  # of workers at one video, before it is left out


@dataclass(frozen=True, slots=True)
class VideoClips:
    """The clips of one video, in time's order."""

    video_id: str
    path: str
    clips: tuple[ClipRow, ...]


@dataclass(frozen=True, slots=True)
class ShardJob:
    """Some videos of one arrival folder."""

    arrival: str
    videos: tuple[VideoClips, ...]

    @property
    def num_clips(self) -> int:
        """How many clips are asked for."""
        return sum(len(video.clips) for video in self.videos)

    def __repr__(self) -> str:
        return f"shard of {self.arrival} ({', '.join(video.path for video in self.videos)})"


@dataclass(frozen=True, slots=True)
class ShardResult:
    """A finished shard in the store; `file` and `sum` are None where none of its clips could be decoded."""

    name: str
    folder: Path
    clips: tuple[DecodedClip, ...]
    rejects: tuple[Reject, ...]
    sum: ShardSum | None

    @property
    def file(self) -> Path | None:
        """The shard itself."""
        return None if self.sum is None else self.folder / _SHARD


Opener = Callable[[VideoClips], Iterator[ClipMedia | Reject]]


@dataclass(frozen=True, slots=True)
class ShardMaker:
    """Makes shards in the store; equal for all workers, and picklable when `open_video` is."""

    store: Path
    naming: dict[str, Any]  # what decides about content, for names
    recipe: dict[str, Any]  # further things that a stored result must not outlive: code, tool versions, limits
    layout: ShardFormat
    open_video: Opener  # yields media of clips in their order, and a reject for what fails
    tries: Path  # a folder of this run: what is being decoded, so that a video which kills workers is found

    def __call__(self, job: ShardJob) -> ShardResult:
        """The shard of a job, made or found; the same bytes whoever makes it.

        A video at which `MAX_DEATHS` workers of this run died is left out; another run tries it again, since its key
        does not say so.
        """
        deadly = {video.video_id for video in job.videos if len(self._marks(video)) >= MAX_DEATHS}
        key = self._key(job) | ({"deadly": sorted(deadly)} if deadly else {})
        folder = Store(self.store).fetch_or_make(_ROOM, key, lambda target: self._make(target, job, deadly))
        return _result(folder, self._name(job), job)

    def find(self, job: ShardJob) -> ShardResult | None:
        """The shard of a job if it is there and was not touched since its sha256 was last found right."""
        folder = Store(self.store).find(_ROOM, self._key(job))
        return None if folder is None else _result(folder, self._name(job), job)

    def _named(self, job: ShardJob) -> dict[str, Any]:
        windows = [[v.video_id, [[getattr(c, f) for f in WINDOW] for c in v.clips]] for v in job.videos]
        return {"schema_version": SCHEMA_VERSION, "videos": windows, **self.naming}

    def _key(self, job: ShardJob) -> dict[str, Any]:
        return {**self._named(job), "recipe": self.recipe, "paths": [video.path for video in job.videos]}

    def _name(self, job: ShardJob) -> str:
        return f"{_plain(job.arrival)}-{sha256_json(self._named(job))[:_KEY_DIGITS]}.arrow"

    def _make(self, folder: Path, job: ShardJob, deadly: set[str]) -> None:
        rejects: list[Reject] = []
        facts: list[dict[str, Any]] = []
        with open_shard(folder / _SHARD, self.layout) as shard:
            for media in (media for video in job.videos for media in self._media(video, video.video_id in deadly)):
                if isinstance(media, Reject):
                    rejects.append(media)
                else:
                    facts.append({"clip_id": media.clip_id, "row": shard.write(media), **_measure(media)})
        if not facts:
            (folder / _SHARD).unlink()
        write_json(folder / _RESULT, {"clips": facts, "rejects": [asdict(reject) for reject in rejects]})

    def _media(self, video: VideoClips, deadly: bool) -> Iterator[ClipMedia | Reject]:
        if deadly:
            yield Reject(video.path, _ROOM, "crash", f"{MAX_DEATHS} workers died while they decoded it")
            return
        mark = self.tries / f"{video.video_id}.{len(self._marks(video))}"
        mark.touch()
        yield from self.open_video(video)
        mark.unlink()

    def _marks(self, video: VideoClips) -> list[Path]:
        return list(self.tries.glob(f"{video.video_id}.*"))


def plan(rows: Iterable[ClipRow], videos_per_shard: int) -> list[ShardJob]:
    """Group the videos of each arrival folder, sorted by id, into runs: new arrivals leave old shards as they are."""
    ordered = sorted(rows, key=lambda row: (row.arrival, row.video_id, row.start_frame))
    jobs: list[ShardJob] = []
    for arrival, of_arrival in groupby(ordered, key=lambda row: row.arrival):
        videos = [_video(tuple(clips)) for _, clips in groupby(of_arrival, key=lambda row: row.video_id)]
        runs = range(0, len(videos), videos_per_shard)
        jobs += [ShardJob(arrival, tuple(videos[start : start + videos_per_shard])) for start in runs]
    return jobs


def assemble(folder: Path, results: Sequence[ShardResult], max_reject_share: float) -> None:
    """Lay out a decoded folder: shards (links into the store), manifest.json, clips.parquet, rejects.parquet.

    Raises `CensusError` with counts, all having been written, where more videos gave no clip than the share allows.
    """
    found = {r.name: (r.file, r.sum) for r in results if r.file is not None and r.sum is not None}
    clips = sorted((clip for result in results for clip in result.clips), key=lambda clip: clip.clip_id)
    rejects = sorted((r for result in results for r in result.rejects), key=lambda r: (r.path, r.detail))
    write_rows(folder / "clips.parquet", clips, DecodedClip)
    write_rows(folder / "rejects.parquet", rejects, Reject)
    lay_out(folder, found, DECODED)
    _check_share(clips, rejects, max_reject_share)


def summary(results: Sequence[ShardResult]) -> str:
    """Clips, shards, and rejects of each reason."""
    rejects = [reject for result in results for reject in result.rejects]
    count = sum(len(result.clips) for result in results)
    num_shards = sum(result.file is not None for result in results)
    return f"{count} clips in {num_shards} shards; rejected: {count_reasons(rejects)}"


def loudness_db(audio: NDArray[np.int16]) -> float:
    """Root mean square of samples, dB of full scale, to 1e-6 dB; SILENCE_DB for zeros."""
    power = float(np.mean(np.square(audio.astype(np.float64) / _FULL_SCALE)))
    return round(float(10 * np.log10(power)), 6) if power > 0 else SILENCE_DB


def _check_share(clips: Sequence[DecodedClip], rejects: Sequence[Reject], allowed: float) -> None:
    good = {clip.path for clip in clips}
    bad = {reject.path for reject in rejects} - good
    if bad and (not good or len(bad) > allowed * len(good | bad)):
        raise CensusError(
            f"{len(bad)} of {len(good | bad)} videos gave no clip ({count_reasons(rejects)}); at most the share "
            f"index.max_reject_share = {allowed:g} may, and not all; {layout.DECODE_REJECTS} says why"
        )


def _video(clips: tuple[ClipRow, ...]) -> VideoClips:
    return VideoClips(clips[0].video_id, clips[0].path, clips)


def _measure(media: ClipMedia) -> dict[str, Any]:
    peak = float(np.abs(media.audio.astype(np.int32)).max()) / _FULL_SCALE
    return {"rms_db": loudness_db(media.audio), "peak": peak, "height": media.height, "width": media.width}


def _result(folder: Path, name: str, job: ShardJob) -> ShardResult:
    content = read_json(folder / _RESULT)
    rows = {clip.clip_id: clip for video in job.videos for clip in video.clips}
    clips = tuple(DecodedClip(**asdict(rows[facts["clip_id"]]), **_where(facts, name)) for facts in content["clips"])
    rejects = tuple(Reject(**reject) for reject in content["rejects"])
    return ShardResult(name, folder, clips, rejects, stored_sum(folder / _SHARD, len(clips)) if clips else None)


def _where(facts: dict[str, Any], name: str) -> dict[str, Any]:
    return {key: value for key, value in facts.items() if key != "clip_id"} | {"shard": name}


def _plain(arrival: str) -> str:
    """A name for files: an arrival folder may be called anything."""
    return re.sub(r"[^A-Za-z0-9]+", "_", arrival).strip("_")[:40] or "root"
