"""A cluster of ray on this machine: a head and further nodes as separate processes, with a token."""

import os
import secrets
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from stages.compute import keeper

_START_S = 90.0
_MEMORY = "--object-store-memory=80000000"


class Cluster:
    """Started nodes of one CPU each."""

    def __init__(self, folder: Path) -> None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        self._folder, self._processes = folder, list[subprocess.Popen[bytes]]()
        self.address = f"127.0.0.1:{port}"
        self.token = {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": secrets.token_hex(16), "RAY_USAGE_STATS_ENABLED": "0"}
        head = ("--head", "--node-ip-address=127.0.0.1", f"--port={port}", "--include-dashboard=false")
        self._start((*head, f"--temp-dir={folder}"), (), {})

    def join(self, *, before: Sequence[str] = (), **changes: str) -> subprocess.Popen[bytes]:
        """One more node; `before` stands before its command, `changes` in its environment."""
        return self._start((f"--address={self.address}",), before, changes)

    def _start(self, options: Sequence[str], before: Sequence[str], changes: dict[str, str]) -> subprocess.Popen[bytes]:
        said = self._folder.with_suffix(f".{len(self._processes)}.log")
        ray = Path(sys.executable).with_name("ray")
        command = [*before, str(ray), "start", *options, "--num-cpus=1", "--num-gpus=0", _MEMORY, "--block"]
        with said.open("wb") as log:
            process = subprocess.Popen(
                command,
                env={**os.environ, **self.token, **changes},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        self._processes.append(process)
        deadline_s = time.monotonic() + _START_S
        while b"Ray runtime started" not in said.read_bytes():
            if process.poll() is not None or time.monotonic() > deadline_s:
                raise RuntimeError(f"a node did not start: {said.read_text(errors='replace')[-3000:]}")
            time.sleep(0.1)
        return process

    def end(self) -> None:
        """End all nodes; nobody who has a file of theirs open survives."""
        for process in reversed(self._processes):
            process.kill()
        keeper.end_all(self._folder, os.getpid())
        for process in self._processes:
            process.wait()


@contextmanager
def cluster() -> Iterator[Cluster]:
    """A head, which goes with all that joined it. The folder's name is short: sockets lie below it."""
    folder = Path(f"/tmp/pixels-ray-{secrets.token_hex(4)}")
    started: Cluster | None = None
    try:
        started = Cluster(folder)
        yield started
    finally:
        if started is not None:
            started.end()
        shutil.rmtree(folder, ignore_errors=True)
        for log in folder.parent.glob(f"{folder.name}.*.log"):
            log.unlink()
