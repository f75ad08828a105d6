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
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from mlflow import MlflowClient
from mlflow.entities import Metric, Param, Run

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
        self._spool, self._client, self._writer = spool, client, writer
        self._offset = 0  # bytes that have arrived
        self._run: Run | None = None
        self._sent: set[tuple[str, int]] = set()  # (metric, step)

    def advance(self, *, abandoned: bool) -> bool:
        """Send what is new; True once the run has ended. `abandoned`: nobody writes to the file any more."""
        lines = _whole_lines(self._spool, self._offset)
        records = [json.loads(line) for line in lines]
        if self._run is None:
            if not records:
                return abandoned
            self._open(records[0])
        assert self._run is not None
        self._send([point for record in records for point in _points(record)])
        self._offset += sum(map(len, lines))
        status = next((record["status"] for record in records if "status" in record), None)
        if status is None and abandoned:
            status = (
                "FINISHED" if self._run.info.status == "FINISHED" else "KILLED"
            )  # a later process may have ended it
        if status is not None:
            self._client.set_terminated(self._run.info.run_id, status)
        return status is not None

    def _open(self, header: dict[str, Any]) -> None:
        run = find_or_create(self._client, header)
        run_id = run.info.run_id
        self._client.set_tag(run_id, PROCESS, signature(*dict.fromkeys((self._writer, os.getpid()))))
        self._client.update_run(run_id, status="RUNNING")
        if not run.data.params:
            params = [Param(name, str(value)) for name, value in flatten(header["params"]).items()]
            self._client.log_batch(run_id, params=params)
        histories = [self._client.get_metric_history(run_id, name) for name in run.data.metrics]
        self._sent = {(point.key, point.step) for history in histories for point in history}
        self._run = run

    def _send(self, points: list[Metric]) -> None:
        assert self._run is not None
        new = [point for point in points if (point.key, point.step) not in self._sent]
        for start in range(0, len(new), _BATCH_METRICS):
            some = new[start : start + _BATCH_METRICS]
            self._client.log_batch(self._run.info.run_id, metrics=some)
            self._sent |= {(point.key, point.step) for point in some}


def find_or_create(client: MlflowClient, header: dict[str, Any]) -> Run:
    """The run of a spool file's first line: one for each stage, model and key."""
    experiment = experiment_id(client)
    identity = {name: header[name] for name in ("stage", "model", "key")}
    same = " and ".join(f"tags.{name} = '{value}'" for name, value in identity.items())
    found = client.search_runs([experiment], same, max_results=1)
    if found:
        return found[0]
    return client.create_run(experiment, tags=identity | commit(), run_name=f"{header['stage']} {header['model']}")


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
