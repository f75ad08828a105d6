"""`make mlflow` and `make down` on a workspace that holds nothing else."""

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from mlflow import MlflowClient

from infra.services.service import Service
from stages.tracking.server import connect, experiment_id
from tests.faults.harness import adopting
from tests.synth.services import Servers, wait_until
from tests.synth.world import ROOT

pytestmark = pytest.mark.services


@pytest.fixture
def servers(tmp_path: Path) -> Iterator[Servers]:
    """A workspace without services."""
    with adopting(), Servers(tmp_path).guarded() as servers:
        yield servers


def test_the_life_of_a_server(servers: Servers, monkeypatch: pytest.MonkeyPatch) -> None:
    """In one go, since each start costs ten CPU seconds."""
    assert servers.start("mlflow").startswith(f"MLflow (started: server): {servers.tracking_uri}\n")
    assert servers.start("mlflow").startswith("MLflow (was running already): ")

    monkeypatch.setenv("MLFLOW_TRACKING_URI", servers.tracking_uri)
    client = connect()
    run = client.create_run(experiment_id(client))
    client.log_text(run.info.run_id, "kept", "note.txt")

    servers.kill(servers.mlflow, "server")
    status = servers.call("status")
    assert (status.returncode, "mlflow: server died; `make mlflow` starts it again" in status.stdout) == (1, True)
    servers.start("mlflow")
    assert servers.call("status").returncode == 0

    known = servers.mlflow.processes
    assert len(known) >= 2
    down = servers.call("down")
    assert (down.returncode, f"mlflow: {len(known)} processes ended" in down.stdout) == (0, True)
    assert not [process for process in known if process.is_alive]
    assert servers.mlflow.processes == set()
    assert servers.call("down").stdout == "airflow: did not run\nmlflow: did not run\n"

    without = MlflowClient(f"sqlite:///{servers.workspace / 'mlflow.db'}")  # the same records, no server
    path = without.download_artifacts(run.info.run_id, "note.txt", str(servers.workspace))
    assert Path(path).read_text() == "kept"


def test_a_port_that_is_taken_ends_it_with_who_has_it_and_nothing_started(servers: Servers) -> None:
    with socket.socket() as ours:
        ours.bind(("127.0.0.1", servers.mlflow_port))
        ours.listen()
        for command, port in (("mlflow", servers.mlflow_port), ("airflow", servers.mlflow_port)):
            done = servers.call(command, "--port", str(port))
            assert done.returncode == 1
            assert f"{command}: port {port} is taken by process {os.getpid()}: " in done.stdout
    assert servers.mlflow.processes | servers.airflow.processes == set()


def test_one_that_is_not_healthy_in_time_is_ended_and_says_its_last_lines(servers: Servers) -> None:
    done = servers.call("mlflow", "--port", str(servers.mlflow_port), "--within", "0")
    assert done.returncode == 1
    assert "mlflow: not healthy within 0 s, it does not answer" in done.stdout
    assert str(servers.mlflow.log("server")) in done.stdout
    assert servers.mlflow.processes == set()


def test_a_database_that_cannot_be_read_is_told_with_what_the_server_said(servers: Servers) -> None:
    (servers.workspace / "mlflow.db").write_bytes(b"no database at all" * 100)
    done = servers.call("mlflow", "--port", str(servers.mlflow_port))
    assert done.returncode == 1
    assert "server ended by itself:" in done.stdout
    assert "file is not a database" in done.stdout
    assert servers.mlflow.processes == set()


def test_tests_that_are_killed_leave_no_server(tmp_path: Path) -> None:
    lines = """
import os, signal, sys
from pathlib import Path
from infra.services.service import Part
from tests.synth.services import Servers
servers = Servers(Path(sys.argv[1]))
with servers.guarded():
    sleeps = Part("server", (sys.executable, "-c", "import time; time.sleep(600)"))
    with servers.mlflow.alone():
        servers.mlflow.start(sleeps, servers.environment, port=4242, folder=servers.workspace)
    os.kill(os.getpid(), signal.SIGKILL)
"""
    with adopting():
        done = subprocess.run([sys.executable, "-c", lines, str(tmp_path)], cwd=ROOT, check=False)
        assert done.returncode == -signal.SIGKILL
        service = Service("mlflow", tmp_path)
        wait_until(lambda: not service.processes and service.port is None, within_s=120)
