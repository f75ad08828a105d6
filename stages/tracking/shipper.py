"""Sends the spool file of one run to MLflow while it grows: `python -m stages.tracking.shipper <spool> <pid>`.

A point that MLflow already has (same run, metric and step) is not sent again, so sending a file twice, or resuming a
training from a checkpoint, doubles nothing. When the process that writes the file is gone without a word, its run is
marked KILLED.
"""

import fcntl
import json
import os
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import groupby
from pathlib import Path
from typing import Any

from mlflow import MlflowClient
from mlflow.entities import Metric, Param, Run
from mlflow.utils.mlflow_tags import MLFLOW_PARENT_RUN_ID

from stages.tracking.living import PROCESS, signature
from stages.tracking.provenance import commit
from stages.tracking.server import connect, experiment_id, flatten, reason

_PAUSE_S = 0.5
_PAUSES_BEFORE_RETRY = 20
_BATCH_METRICS = 1000  # the most that MLflow takes at once
_NICENESS = 10  # training comes first


class Shipment:
    """One spool file on its way. After an error a new one must be made: what had arrived is then asked anew.

    Args:
        spool: The file.
        client: Of the server that gets it.
        writer: Process that writes the file; this one where nobody does any more.
    """

    def __init__(self, spool: Path, client: MlflowClient, writer: int) -> None:
        self._spool, self._client = spool, client
        self._makers = signature(*dict.fromkeys((writer, os.getpid())))
        self._offset = 0  # bytes that have arrived
        self._header: dict[str, Any] = {}
        self._run: Record | None = None
        self._phases: dict[str, Record] = {}  # nested runs by the phase's name, in the order of their opening

    def advance(self, *, abandoned: bool) -> bool:
        """Send what is new; True once the run has ended. `abandoned`: nobody writes to the file any more."""
        lines = _whole_lines(self._spool, self._offset)
        records = [json.loads(line) for line in lines]
        if self._run is None:
            if not records:
                return abandoned
            self._header = records[0]
            self._run = self._record(find_or_create(self._client, self._header), self._header["params"])
        self._advance_phases(records)
        self._run.send([point for record in records for point in _points(record)])
        self._offset += sum(map(len, lines))
        status = next((record["status"] for record in records if "status" in record), None)
        if status is None and abandoned:
            # a later process may have ended it
            status = "FINISHED" if self._run.status_before == "FINISHED" else "KILLED"
        if status is not None:
            for record in (*self._phases.values(), self._run):
                record.end(status)
        return status is not None

    def _advance_phases(self, records: Sequence[dict[str, Any]]) -> None:
        assert self._run is not None
        for name, of_phase in groupby(records, key=lambda record: record.get("phase")):
            if name is None:
                continue
            group = list(of_phase)
            if name not in self._phases:
                run = find_or_create(self._client, self._header, phase=name, parent=self._run.run_id)
                self._phases[name] = self._record(run, group[0]["params"])
            self._phases[name].send([point for record in group for point in _points(record)])
            for record in group:
                if "phase_status" in record:
                    self._phases[name].end(record["phase_status"])

    def _record(self, run: Run, params: dict[str, Any]) -> "Record":
        self._client.set_tag(run.info.run_id, PROCESS, self._makers)
        return Record(self._client, run, params)


class Record:
    """A run of MLflow that is continued."""

    def __init__(self, client: MlflowClient, run: Run, params: dict[str, Any]) -> None:
        self._client, self.run_id, self.status_before = client, run.info.run_id, run.info.status
        self._ended = False
        client.update_run(self.run_id, status="RUNNING")
        if not run.data.params:
            given = [Param(name, str(value)) for name, value in flatten(params).items()]
            client.log_batch(self.run_id, params=given)
        histories = [client.get_metric_history(self.run_id, name) for name in run.data.metrics]
        self._sent = {(point.key, point.step) for history in histories for point in history}

    def send(self, points: Sequence[Metric]) -> None:
        """Add points that are not there yet."""
        new = [point for point in points if (point.key, point.step) not in self._sent]
        for start in range(0, len(new), _BATCH_METRICS):
            some = new[start : start + _BATCH_METRICS]
            self._client.log_batch(self.run_id, metrics=some)
            self._sent |= {(point.key, point.step) for point in some}

    def end(self, status: str) -> None:
        """Once: what ends later with the whole run has ended already."""
        if not self._ended:
            self._client.set_terminated(self.run_id, status)
        self._ended = True


def find_or_create(
    client: MlflowClient, header: dict[str, Any], *, phase: str | None = None, parent: str | None = None
) -> Run:
    """The run of a spool file's first line, one for each stage, model and key; or that of one of its phases."""
    experiment = experiment_id(client)
    identity = {name: header[name] for name in ("stage", "model", "key")} | ({"phase": phase} if phase else {})
    same = " and ".join(f"tags.{name} = '{value}'" for name, value in identity.items())
    for run in client.search_runs([experiment], same):
        if run.data.tags.get("phase") == phase:
            return run
    below = {MLFLOW_PARENT_RUN_ID: parent} if parent else {}
    name = " ".join(filter(None, [header["stage"], header["model"], header["key"][:8], phase]))
    return client.create_run(experiment, tags=identity | below | commit(), run_name=name)


def ship(spool: Path, parent: int) -> bool:
    """Follow a spool file until its run ends; False if MLflow could not be reached at the end."""
    shipment: Shipment | None = None
    while True:
        abandoned = os.getppid() != parent
        last = abandoned or _ended(spool)
        try:
            shipment = shipment or Shipment(spool, connect(), parent)
            if shipment.advance(abandoned=abandoned):
                spool.unlink()
                return True
            time.sleep(_PAUSE_S)
        except Exception as error:  # whatever it is, training must not hear of it
            _say(spool, error)
            if last:
                return False
            shipment = None
            _wait_for_retry(spool, parent)


def ship_orphans(folder: Path) -> None:
    """Send what earlier processes left behind in a folder of spool files; what fails stays for the next time."""
    for spool in sorted(folder.glob("*.jsonl")):
        with _locked(spool) as orphaned:
            try:
                if orphaned and Shipment(spool, connect(), os.getpid()).advance(abandoned=True):
                    spool.unlink()
            except Exception as error:  # as above
                _say(spool, error)


def _points(record: dict[str, Any]) -> list[Metric]:
    metrics = record.get("metrics", {})
    return [Metric(name, value, record["time_ms"], record["step"]) for name, value in metrics.items()]


def _whole_lines(spool: Path, offset: int) -> list[bytes]:
    with spool.open("rb") as handle:
        handle.seek(offset)
        return [line for line in handle.read().splitlines(keepends=True) if line.endswith(b"\n")]


def _ended(spool: Path) -> bool:
    return "status" in json.loads(_whole_lines(spool, 0)[-1])


def _wait_for_retry(spool: Path, parent: int) -> None:
    for _ in range(_PAUSES_BEFORE_RETRY):
        time.sleep(_PAUSE_S)
        if os.getppid() != parent or _ended(spool):
            return


@contextmanager
def _locked(spool: Path) -> Iterator[bool]:
    """Whether the file's lock could be had: a run in progress holds its own."""
    with spool.open("rb") as handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
            return
        yield True


def _say(spool: Path, error: Exception) -> None:
    print(f"tracking: {reason(error)}; live metrics are kept in {spool}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    os.nice(_NICENESS)
    _own, _parent = Path(sys.argv[1]), int(sys.argv[2])
    ship_orphans(_own.parent)
    raise SystemExit(0 if ship(_own, _parent) else 1)
