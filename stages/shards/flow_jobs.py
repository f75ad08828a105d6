"""The work of `flow`: one shard for each shard of frames, made once in the store by any worker, named by its input."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from stages import layout
from stages.shards.census import CensusError, count_reasons
from stages.shards.check import DECODED, ShardSum, read_manifest
from stages.shards.files import read_json, sha256_json, write_json
from stages.shards.flow_schema import FLOW, ClipFlow, FlowFormat, FlowRow
from stages.shards.flow_writer import open_flow_shard
from stages.shards.laying import by_shard, lay_out, stored_sum
from stages.shards.reader import ClipReader
from stages.shards.schema import DecodedClip, Reject
from stages.shards.store import Store
from stages.shards.tables import write_rows

MAX_DEATHS = 2  # of workers at one clip alone, before it is left out
_ROOM = "flow"
_KEY_DIGITS = 12
_SHARD, _RESULT = "flow.arrow", "result.json"
_SHARE_DIGITS = 6

Attempt = Callable[[Sequence[str]], AbstractContextManager[None]]
Estimate = Callable[[ClipReader, Sequence[DecodedClip], Attempt], Iterator[ClipFlow]]


@dataclass(frozen=True, slots=True)
class FlowJob:
    """A shard of frames and its clips in the order of its rows."""

    name: str
    sha256: str
    clips: tuple[DecodedClip, ...]

    @property
    def num_pairs(self) -> int:
        """Frames that have a next one."""
        return sum(clip.num_frames - 1 for clip in self.clips)

    def __repr__(self) -> str:
        return f"flow of {self.name}"


@dataclass(frozen=True, slots=True)
class FlowResult:
    """A finished shard in the store; `sum` is None where none of its clips could be done."""

    name: str
    folder: Path
    clips: tuple[FlowRow, ...]
    rejects: tuple[Reject, ...]
    sum: ShardSum | None

    @property
    def file(self) -> Path | None:
        """The shard itself."""
        return None if self.sum is None else self.folder / _SHARD


@dataclass(frozen=True)
class FlowMaker:
    """Makes shards in the store; equal for all workers, each of which opens the shards of frames by itself."""

    store: Path
    decoded: Path  # folder of clips.parquet, manifest.json and shards/
    recipe: dict[str, Any]  # all that decides about content beside the frames: params, code, tool, weights
    about: FlowFormat
    estimate: Estimate
    tries: Path  # a folder of this run: at which clips workers are, so that one which kills them is found

    @cached_property
    def _reader(self) -> ClipReader:
        return ClipReader(self.decoded)

    def __call__(self, job: FlowJob) -> FlowResult:
        """The shard of a job, made or found; the same bytes whoever makes it.

        A clip at which `MAX_DEATHS` workers of this run died is left out; another run tries it again, since its key
        does not say so.
        """
        deadly = self._deadly(job)
        key = self._key(job) | ({"deadly": sorted(deadly)} if deadly else {})
        folder = Store(self.store).fetch_or_make(_ROOM, key, lambda target: self._make(target, job, deadly))
        return _result(folder, self._name(job), job)

    def find(self, job: FlowJob) -> FlowResult | None:
        """The shard of a job if it is there and was not touched since its sha256 was last found right."""
        folder = Store(self.store).find(_ROOM, self._key(job))
        return None if folder is None else _result(folder, self._name(job), job)

    def _key(self, job: FlowJob) -> dict[str, Any]:
        # the ids of the videos are in it so that all work on one of them can be found
        videos = sorted({clip.video_id for clip in job.clips})
        return {"schema_version": FLOW.schema_version, "frames": job.sha256, "videos": videos, "recipe": self.recipe}

    def _name(self, job: FlowJob) -> str:
        """Begins as the name of the shard of frames does, which says the arrival."""
        return f"{job.name.rpartition('-')[0] or 'flow'}-{sha256_json(self._key(job))[:_KEY_DIGITS]}.arrow"

    def _make(self, folder: Path, job: FlowJob, deadly: set[str]) -> None:
        facts: list[dict[str, Any]] = []
        clips = [clip for clip in job.clips if clip.clip_id not in deadly]
        with open_flow_shard(folder / _SHARD, self.about) as shard:
            for flow in self.estimate(self._reader, clips, self._attempt):
                share = float(flow.valid.mean()) if len(flow.valid) else 1.0
                where = {"row": shard.write(flow), "valid_share": round(share, _SHARE_DIGITS)}
                facts.append({"clip_id": flow.clip_id, **where})
        if not facts:
            (folder / _SHARD).unlink()
        write_json(folder / _RESULT, {"clips": facts, "deadly": sorted(deadly)})

    def _deadly(self, job: FlowJob) -> set[str]:
        """Clips that killed workers; one that was in a batch with others when a worker died is tried alone first.

        What that gives is thrown away: batches must be the same with and without deaths, or bytes might differ.
        """
        for clip in job.clips:
            suspicion = self._suspicion(clip.clip_id)
            if suspicion.exists() and len(self._deaths(clip.clip_id)) < MAX_DEATHS:
                for _ in self.estimate(self._reader, [clip], self._attempt):
                    pass
                suspicion.unlink()
        return {clip.clip_id for clip in job.clips if len(self._deaths(clip.clip_id)) >= MAX_DEATHS}

    @contextmanager
    def _attempt(self, clip_ids: Sequence[str]) -> Iterator[None]:
        """Marks that stay if this process does not survive the block."""
        marks = [self._suspicion(clip_id) for clip_id in clip_ids]
        if len(clip_ids) == 1:
            (clip_id,) = clip_ids
            marks = [self.tries / f"{clip_id}.{len(self._deaths(clip_id))}"]
        for mark in marks:
            mark.touch()
        yield
        for mark in marks:
            mark.unlink()

    def _suspicion(self, clip_id: str) -> Path:
        return self.tries / f"{clip_id}.suspect"

    def _deaths(self, clip_id: str) -> list[Path]:
        return [self.tries / f"{clip_id}.{n}" for n in range(MAX_DEATHS) if (self.tries / f"{clip_id}.{n}").exists()]


def plan_flow(decoded: Path, clips: Sequence[DecodedClip]) -> list[FlowJob]:
    """One job for each shard of a decoded folder, by name."""
    sums = read_manifest(decoded / layout.MANIFEST.name, DECODED)
    return [FlowJob(name, sums[name].sha256, of_shard) for name, of_shard in by_shard(clips).items()]


def most_deaths(jobs: Sequence[FlowJob]) -> int:
    """How many workers a shard may cost if each of its clips is one that kills: in company, and then alone."""
    return (1 + MAX_DEATHS) * max((len(job.clips) for job in jobs), default=1)


def assemble_flow(folder: Path, results: Sequence[FlowResult], max_reject_share: float) -> None:
    """Lay out a folder of flow: shards (links into the store), manifest.json, clips.parquet, rejects.parquet.

    Raises `CensusError` with counts, all having been written, where more clips were left out than the share allows.
    """
    found = {r.name: (r.file, r.sum) for r in results if r.file is not None and r.sum is not None}
    rows = sorted((clip for result in results for clip in result.clips), key=lambda clip: clip.clip_id)
    rejects = sorted((r for result in results for r in result.rejects), key=lambda r: (r.path, r.detail))
    write_rows(folder / layout.FLOW_CLIPS.name, rows, FlowRow)
    write_rows(folder / layout.FLOW_REJECTS.name, rejects, Reject)
    lay_out(folder, found, FLOW)
    if rejects and len(rejects) > max_reject_share * (len(rows) + len(rejects)):
        raise CensusError(
            f"{len(rejects)} of {len(rows) + len(rejects)} clips have no flow ({count_reasons(rejects)}), more than "
            f"index.max_reject_share = {max_reject_share:g} allows; {folder / layout.FLOW_REJECTS.name} says why"
        )


def flow_summary(results: Sequence[FlowResult]) -> str:
    """Clips, pairs, shards, and rejects of each reason."""
    clips = [clip for result in results for clip in result.clips]
    rejects = [reject for result in results for reject in result.rejects]
    num_shards = sum(result.file is not None for result in results)
    num_pairs = sum(clip.num_pairs for clip in clips)
    counts = f"{num_pairs} pairs of {len(clips)} clips in {num_shards} shards"
    share = sum(clip.num_pairs * clip.valid_share for clip in clips) / max(num_pairs, 1)
    return f"{counts}, {100 * share:.1f} % valid; rejected: {count_reasons(rejects)}"


def _result(folder: Path, name: str, job: FlowJob) -> FlowResult:
    content, decoded = read_json(folder / _RESULT), {clip.clip_id: clip for clip in job.clips}
    rows = tuple(_row(decoded[facts.pop("clip_id")], shard=name, **facts) for facts in content["clips"])
    rejects = tuple(_reject(decoded[clip_id]) for clip_id in content["deadly"])
    return FlowResult(name, folder, rows, rejects, stored_sum(folder / _SHARD, len(rows)) if rows else None)


def _row(clip: DecodedClip, **where: Any) -> FlowRow:
    return FlowRow(clip.clip_id, clip.video_id, clip.num_frames - 1, height=clip.height, width=clip.width, **where)


def _reject(clip: DecodedClip) -> Reject:
    detail = f"clip {clip.clip_id}: {MAX_DEATHS} workers died while they looked at it"
    return Reject(clip.path, _ROOM, "crash", detail)
